#include "promql/quote.h"

#include <string.h>

#include "base/attr.h"

/* Controls, blanks but the plain one, marks of formatting, private use. What Unicode has not given
 * away yet is left out: it would be a table of its own. */
static bool is_printed(uint32_t rune)
{
    static const uint32_t hidden[][2] = {
        {0x00, 0x1f},         {0x7f, 0xa0},     {0xad, 0xad},     {0x600, 0x605},
        {0x61c, 0x61c},       {0x6dd, 0x6dd},   {0x70f, 0x70f},   {0x890, 0x891},
        {0x8e2, 0x8e2},       {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200f},
        {0x2028, 0x202f},     {0x205f, 0x206f}, {0x3000, 0x3000}, {0xd800, 0xf8ff},
        {0xfeff, 0xfeff},     {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe00ff},
        {0xe01f0, UINT32_MAX}};

    for (size_t i = 0; i < ARRAY_LEN(hidden) && rune >= hidden[i][0]; i++)
        if (rune <= hidden[i][1])
            return false;
    return true;
}

uint32_t quote_rune(struct str s, size_t *bytes)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t rune = p[0];

    *bytes = 1;
    if (n == 1)
        return rune;
    if (n > s.n || !str_is_utf8(str_take(s, n)))
        return 0xfffd;
    rune &= 0xffu >> (n + 1);
    for (size_t i = 1; i < n; i++)
        rune = rune << 6 | (p[i] & 0x3f);
    *bytes = n;
    return rune;
}

/* The letter behind the backslash, 0 where there is none. */
static char escape_of(uint32_t rune)
{
    static const char runes[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
    const char *found = rune && rune < 0x80 ? strchr(runes, (int)rune) : NULL;

    return found ? letters[found - runes] : '\0';
}

void quote_append(struct buf *out, struct str s)
{
    size_t n;

    buf_addc(out, '"');
    for (; s.n; s = str_skip(s, n)) {
        uint32_t rune = quote_rune(s, &n);
        char letter = escape_of(rune);

        if (letter)
            buf_addf(out, "\\%c", letter);
        else if (n == 1 && (rune >= 0x80 || !is_printed(rune)))
            buf_addf(out, "\\x%02x", (unsigned char)s.p[0]);
        else if (is_printed(rune))
            buf_add(out, str_take(s, n));
        else
            buf_addf(out, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
    }
    buf_addc(out, '"');
}
