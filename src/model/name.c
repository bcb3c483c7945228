#include "model/name.h"

#include "base/arena.h"

#define PREFIX         STR("U__")
#define HEX_DIGITS_MAX 6u /* U+10FFFF */

static const char *const words[] = {
    [NAME_UTF8] = "allow-utf-8",
    [NAME_UNDERSCORES] = "underscores",
    [NAME_DOTS] = "dots",
    [NAME_VALUES] = "values",
};

int name_escaping_of(struct str word, enum name_escaping *out)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(word, str_c(words[i]))) {
            *out = (enum name_escaping)i;
            return 0;
        }
    return -1;
}

const char *name_escaping_word(enum name_escaping scheme)
{
    return words[scheme];
}

static bool is_legacy(unsigned char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (c >= '0' && c <= '9' && !first);
}

/* The next character of valid UTF-8; a byte that begins none is U+FFFD. */
static uint32_t next_char(struct str *s)
{
    unsigned char c = (unsigned char)s->p[0];
    size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
    uint32_t v = n == 1 ? c : c & (0x7fu >> n);

    if (!n || n > s->n || !str_is_utf8(str_take(*s, n))) {
        *s = str_skip(*s, 1);
        return 0xfffd;
    }
    for (size_t i = 1; i < n; i++)
        v = v << 6 | ((unsigned char)s->p[i] & 0x3f);
    *s = str_skip(*s, n);
    return v;
}

static void add_char(struct buf *out, uint32_t v)
{
    if (v < 0x80) {
        buf_addc(out, (char)v);
        return;
    }
    if (v < 0x800) {
        buf_addc(out, (char)(0xc0 | v >> 6));
    } else {
        if (v < 0x10000) {
            buf_addc(out, (char)(0xe0 | v >> 12));
        } else {
            buf_addc(out, (char)(0xf0 | v >> 18));
            buf_addc(out, (char)(0x80 | (v >> 12 & 0x3f)));
        }
        buf_addc(out, (char)(0x80 | (v >> 6 & 0x3f)));
    }
    buf_addc(out, (char)(0x80 | (v & 0x3f)));
}

void name_escape(struct buf *out, struct str name, bool legacy, enum name_escaping scheme)
{
    bool first = true;

    if (!name.n || scheme == NAME_UTF8 || (legacy && scheme != NAME_DOTS)) {
        buf_add(out, name);
        return;
    }
    if (scheme == NAME_VALUES)
        buf_add(out, PREFIX);
    for (struct str rest = name; rest.n; first = false) {
        uint32_t c = next_char(&rest);

        if (c == '_' && scheme != NAME_UNDERSCORES)
            buf_adds(out, "__");
        else if (c < 0x80 && is_legacy((unsigned char)c, first))
            buf_addc(out, (char)c);
        else if (scheme == NAME_VALUES)
            buf_addf(out, c == 0xfffd ? "_%X_" : "_%x_", c);
        else
            buf_adds(out, c == '.' && scheme == NAME_DOTS ? "_dot_" : "_");
    }
}

/* The digits of one character, up to the closing underscore. */
static bool take_code(struct str *s, uint32_t *out)
{
    uint32_t v = 0;

    for (size_t i = 0; i <= HEX_DIGITS_MAX && i < s->n; i++) {
        char c = s->p[i];

        if (c == '_') {
            *s = str_skip(*s, i + 1);
            *out = v;
            return v <= 0x10ffff && (v < 0xd800 || v > 0xdfff);
        }
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    return false;
}

static bool unescape(struct str rest, struct buf *out)
{
    while (rest.n) {
        char c = rest.p[0];
        uint32_t code;

        rest = str_skip(rest, 1);
        if (c != '_') {
            buf_addc(out, c);
        } else if (rest.n && rest.p[0] == '_') {
            buf_addc(out, '_');
            rest = str_skip(rest, 1);
        } else if (take_code(&rest, &code)) {
            add_char(out, code);
        } else {
            return false;
        }
    }
    return true;
}

int name_unescape(struct arena *a, struct str name, struct str *out, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};

    if (str_starts(name, PREFIX) && unescape(str_skip(name, PREFIX.n), &text))
        name = buf_str(&text);
    *out = arena_str(a, name, err);
    return out->p ? 0 : -1;
}
