#include "model/template.h"

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/regex.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Bytes of a letter outside ASCII at the head of s, 0: none stands there. Such a letter makes a
 * variable's name longer, though no group can be called so. By blocks: punctuation, symbols and
 * private characters are none. */
static size_t foreign_letter(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = s.n == 0 ? 0 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c;

    if (n == 0 || s.n < n || !str_is_utf8(str_take(s, n)))
        return 0;
    c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3fu);
    if (c < 0xc0)
        return c == 0xaa || c == 0xb5 || c == 0xba ? n : 0;
    if (c == 0xd7 || c == 0xf7 || (c >= 0x300 && c < 0x370) || (c >= 0x2000 && c < 0x2c00) ||
        (c >= 0x2e00 && c < 0x2e80) || (c >= 0x3000 && c < 0x3005) || (c >= 0x3007 && c < 0x3031) ||
        (c >= 0xe000 && c < 0xf900) || (c >= 0xfe00 && c < 0xfe70) || (c >= 0xff00 && c < 0xff10) ||
        (c >= 0x1f000 && c < 0x20000))
        return 0;
    return n;
}

/* The name behind a dollar; false: there is none, and the dollar is one. */
static bool variable(struct str *rest, struct str *name)
{
    bool brace = rest->n && rest->p[0] == '{';
    struct str left = str_skip(*rest, brace);
    size_t n = 0;

    while (n < left.n) {
        size_t step = is_word(left.p[n]) ? 1 : foreign_letter(str_skip(left, n));

        if (!step)
            break;
        n += step;
    }
    if (n == 0 || (brace && (n == left.n || left.p[n] != '}')))
        return false;
    *name = str_take(left, n);
    *rest = str_skip(left, n + brace);
    return true;
}

/* The group that the name stands for; -1: none. */
static int group_of(const struct regex *regex, struct str name)
{
    int number = 0;

    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9' || number >= 100000000)
            return regex_group_index(regex, name);
        number = number * 10 + (name.p[i] - '0');
    }
    return name.n > 1 && name.p[0] == '0' ? regex_group_index(regex, name) : number;
}

/* The next part of the text, literal or found, and what is left. */
static struct str next_piece(struct str *rest, const struct regex *regex, const struct str groups[],
                             size_t n)
{
    const char *dollar = memchr(rest->p, '$', rest->n);
    struct str piece = *rest, name;
    int group;

    if (dollar != rest->p) {
        piece.n = dollar ? (size_t)(dollar - rest->p) : rest->n;
        *rest = str_skip(*rest, piece.n);
        return piece;
    }
    *rest = str_skip(*rest, 1);
    if (rest->n && rest->p[0] == '$') {
        *rest = str_skip(*rest, 1);
        return str_take(piece, 1);
    }
    if (!variable(rest, &name))
        return str_take(piece, 1);
    group = group_of(regex, name);
    return group >= 0 && (size_t)group < n ? groups[group] : (struct str){NULL, 0};
}

int template_expand(struct str text, const struct regex *regex, const struct str groups[], size_t n,
                    struct arena *a, struct str *out, struct err *err)
{
    size_t bytes = 0, at = 0;
    char *p;

    if (!template_has_variables(text)) {
        *out = text;
        return 0;
    }
    for (struct str rest = text; rest.n;)
        bytes += next_piece(&rest, regex, groups, n).n;
    p = arena_alloc(a, bytes, err);
    if (!p)
        return -1;
    for (struct str rest = text; rest.n;) {
        struct str piece = next_piece(&rest, regex, groups, n);

        if (piece.n)
            memcpy(p + at, piece.p, piece.n);
        at += piece.n;
    }
    *out = (struct str){p, bytes};
    return 0;
}

bool template_is_legacy_name(struct str text)
{
    if (text.n == 0 || (text.p[0] >= '0' && text.p[0] <= '9'))
        return false;
    while (text.n) {
        struct str name;
        char c = text.p[0];

        text = str_skip(text, 1);
        if (c == '$' ? !variable(&text, &name) : !is_word(c))
            return false;
        for (size_t i = 0; c == '$' && i < name.n; i++)
            if (!is_word(name.p[i]))
                return false;
    }
    return true;
}
