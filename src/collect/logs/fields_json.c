/* Objects in JSON, read in place: a line is read once and most of it never looked at again, so no
 * tree is built of it. */
#include "collect/logs/fields.h"

#include "base/arena.h"
#include "collect/logs/record.h"

#define DEPTH_MAX 16

struct reader {
    const char *p, *end;
    struct arena *a;
    struct log_record *out;
    unsigned depth;
};

static bool read_value(struct reader *r, struct str name);

static void skip_blanks(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\n'))
        r->p++;
}

static bool skip_char(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static void add(struct reader *r, struct str name, struct str value, bool plain)
{
    if (r->out->fields_n < LOG_FIELDS_MAX && name.n)
        r->out->fields[r->out->fields_n++] = (struct log_field){name, value, plain};
}

/* ---- strings ---- */

static int hex4(const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;

        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static size_t put_utf8(char *out, int c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Behind \u. A half of a pair alone becomes U+FFFD. */
static bool read_unicode(const char **p, const char *end, int *out)
{
    int c = hex4(*p, end), low;

    if (c < 0)
        return false;
    *p += 4;
    if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        low = hex4(*p + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            *p += 6;
            *out = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            return true;
        }
    }
    *out = c >= 0xd800 && c < 0xe000 ? 0xfffd : c;
    return true;
}

/* What is escaped never grows: \n is two bytes, \uXXXX six. */
static bool unescape(struct reader *r, struct str raw, struct str *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *p = raw.p, *end = raw.p + raw.n;
    char *text = arena_alloc(r->a, raw.n + 1, NULL);
    size_t n = 0;

    if (!text)
        return false;
    while (p < end) {
        const char *known;
        int c;

        if (*p != '\\') {
            text[n++] = *p++;
            continue;
        }
        if (++p == end || !*p)
            return false;
        if (*p == 'u') {
            p++;
            if (!read_unicode(&p, end, &c))
                return false;
            n += put_utf8(text + n, c);
            continue;
        }
        known = strchr(from, *p++);
        if (!known)
            return false;
        text[n++] = to[known - from];
    }
    *out = (struct str){text, n};
    return true;
}

/* At its first quote. */
static bool read_string(struct reader *r, struct str *out)
{
    const char *start = ++r->p;
    bool escaped = false;

    for (; r->p < r->end && *r->p != '"'; r->p++) {
        if ((unsigned char)*r->p < ' ')
            return false;
        if (*r->p == '\\') {
            escaped = true;
            if (++r->p == r->end)
                return false;
        }
    }
    if (r->p == r->end)
        return false;
    *out = (struct str){start, (size_t)(r->p++ - start)};
    return !escaped || unescape(r, *out, out);
}

/* ---- values ---- */

/* a, b: "a.b" */
static struct str join(struct reader *r, struct str outer, struct str name)
{
    char *p;

    if (!outer.n || !name.n)
        return name;
    p = arena_alloc(r->a, outer.n + 1 + name.n, NULL);
    if (!p)
        return STR("");
    memcpy(p, outer.p, outer.n);
    p[outer.n] = '.';
    memcpy(p + outer.n + 1, name.p, name.n);
    return (struct str){p, outer.n + 1 + name.n};
}

static bool read_object(struct reader *r, struct str outer)
{
    r->p++;
    if (skip_char(r, '}'))
        return true;
    do {
        struct str name;

        skip_blanks(r);
        if (r->p == r->end || *r->p != '"' || !read_string(r, &name) || !skip_char(r, ':') ||
            !read_value(r, join(r, outer, name)))
            return false;
    } while (skip_char(r, ','));
    return skip_char(r, '}');
}

/* Its elements are no fields of their own. */
static bool read_list(struct reader *r, struct str name)
{
    const char *start = r->p++;

    if (!skip_char(r, ']')) {
        do {
            if (!read_value(r, (struct str){NULL, 0}))
                return false;
        } while (skip_char(r, ','));
        if (!skip_char(r, ']'))
            return false;
    }
    add(r, name, (struct str){start, (size_t)(r->p - start)}, false);
    return true;
}

static bool read_word(struct reader *r, struct str name, struct str word)
{
    if (!str_starts((struct str){r->p, (size_t)(r->end - r->p)}, word))
        return false;
    r->p += word.n;
    if (word.p[0] != 'n')
        add(r, name, word, true);
    return true;
}

static bool read_digits(struct reader *r)
{
    const char *start = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > start;
}

static bool read_number(struct reader *r, struct str name)
{
    const char *start = r->p;

    if (*r->p == '-')
        r->p++;
    if (!read_digits(r))
        return false;
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        if (!read_digits(r))
            return false;
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        if (!read_digits(r))
            return false;
    }
    add(r, name, (struct str){start, (size_t)(r->p - start)}, true);
    return true;
}

static bool read_nested(struct reader *r, struct str name, bool object)
{
    bool ok;

    if (++r->depth > DEPTH_MAX)
        return false;
    ok = object ? read_object(r, name) : read_list(r, name);
    r->depth--;
    return ok;
}

/* `name` n 0: of an element of a list. Members of objects in there have names, but are below a
 * list: `outer` is empty for them too, so read_list takes back what they added. */
static bool read_value(struct reader *r, struct str name)
{
    struct str text;

    skip_blanks(r);
    if (r->p == r->end)
        return false;
    switch (*r->p) {
    case '{': {
        size_t before = r->out->fields_n;
        bool ok = read_nested(r, name, true);

        if (!name.n && r->depth)
            r->out->fields_n = before;
        return ok;
    }
    case '[':
        return read_nested(r, name, false);
    case '"':
        if (!read_string(r, &text))
            return false;
        add(r, name, text, false);
        return true;
    case 't':
        return read_word(r, name, STR("true"));
    case 'f':
        return read_word(r, name, STR("false"));
    case 'n':
        return read_word(r, name, STR("null"));
    default:
        return read_number(r, name);
    }
}

bool fields_read_json(struct str line, struct arena *a, struct log_record *out)
{
    struct reader r = {line.p, line.p + line.n, a, out, 0};

    out->fields_n = 0;
    skip_blanks(&r);
    if (r.p < r.end && *r.p == '{' && read_value(&r, (struct str){NULL, 0})) {
        skip_blanks(&r);
        if (r.p == r.end)
            return true;
    }
    out->fields_n = 0;
    return false;
}
