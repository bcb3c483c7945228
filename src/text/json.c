#include "text/json.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>

#include "base/err.h"
#include "text/number.h"

/* --- writing -----------------------------------------------------------------------------------
 */

void json_begin(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* The comma before an item, where one is due. */
static void begin_item(struct json_writer *w)
{
    uint64_t bit = UINT64_C(1) << w->depth;

    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->has_items & bit)
        buf_addc(w->out, ',');
    w->has_items |= bit;
}

static void open_level(struct json_writer *w, char c)
{
    begin_item(w);
    buf_addc(w->out, c);
    w->depth++;
    assert(w->depth < JSON_DEPTH_MAX);
    w->has_items &= ~(UINT64_C(1) << w->depth);
}

static void close_level(struct json_writer *w, char c)
{
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    buf_addc(w->out, c);
}

void json_begin_object(struct json_writer *w)
{
    open_level(w, '{');
}

void json_end_object(struct json_writer *w)
{
    close_level(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    open_level(w, '[');
}

void json_end_array(struct json_writer *w)
{
    close_level(w, ']');
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_str(w, str_c(key));
}

void json_key_str(struct json_writer *w, struct str key)
{
    json_str(w, key);
    buf_addc(w->out, ':');
    w->after_key = true;
}

void json_str(struct json_writer *w, struct str s)
{
    begin_item(w);
    buf_addc(w->out, '"');
    json_escape(w->out, s);
    buf_addc(w->out, '"');
}

void json_cstr(struct json_writer *w, const char *s)
{
    json_str(w, str_c(s));
}

void json_i64(struct json_writer *w, int64_t v)
{
    char text[NUMBER_TEXT_MAX];

    begin_item(w);
    buf_add(w->out, (struct str){text, number_print_i64(v, text)});
}

void json_double(struct json_writer *w, double v)
{
    char text[NUMBER_TEXT_MAX];

    if (!isfinite(v)) {
        json_put_null(w);
        return;
    }
    begin_item(w);
    buf_add(w->out, (struct str){text, number_print(v, text)});
}

void json_bool(struct json_writer *w, bool v)
{
    json_raw(w, v ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *w)
{
    json_raw(w, STR("null"));
}

void json_raw(struct json_writer *w, struct str text)
{
    begin_item(w);
    buf_add(w->out, text);
}

/* Length of the UTF-8 character at p (RFC 3629: no overlong forms, no surrogates), 0 when it is
 * none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    size_t length;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        length = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        length = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (n < length || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

static void escape_control(struct buf *out, unsigned char c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    static const char hex[] = "0123456789abcdef";
    char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    if (c < sizeof letters && letters[c]) {
        code[1] = letters[c];
        buf_add(out, (struct str){code, 2});
    } else {
        buf_add(out, (struct str){code, 6});
    }
}

void json_escape(struct buf *out, struct str s)
{
    size_t clean = 0; /* s.p[clean..i) can be copied as it is */

    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        size_t length;

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            i++;
            continue;
        }
        length = utf8_length((const unsigned char *)s.p + i, s.n - i);
        if (length > 1) {
            i += length;
            continue;
        }
        buf_add(out, (struct str){s.p + clean, i - clean});
        if (length == 0) {
            buf_adds(out, "\xef\xbf\xbd");
        } else if (c == '"' || c == '\\') {
            buf_addc(out, '\\');
            buf_addc(out, (char)c);
        } else {
            escape_control(out, c);
        }
        clean = ++i;
    }
    buf_add(out, (struct str){s.p + clean, s.n - clean});
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* jansson nests up to 2,048 levels; we look before it does. Brackets in strings do not count. */
static int check_depth(struct str text, struct err *err)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX)
                return err_set(err, ERR_LIMIT, "JSON is nested deeper than %d levels",
                               JSON_DEPTH_MAX);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

size_t json_count_values(struct str text)
{
    size_t n = 1;
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '"')
            in_string = !in_string;
        else if (in_string && c == '\\')
            i++;
        else if (!in_string)
            n += c == ',' || c == ':' || c == '[' || c == '{';
    }
    return n;
}

static bool is_number_char(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* A number without a point or exponent that fits into no int64_t. */
static bool is_too_big(struct str number)
{
    int64_t ignored;

    for (size_t i = 0; i < number.n; i++)
        if (!(number.p[i] >= '0' && number.p[i] <= '9') && !(i == 0 && number.p[i] == '-'))
            return false;
    return number.n >= 19 && !number_parse_i64(number, &ignored);
}

/* What JSON allows and jansson does not: integers past 64 bits are made reals, and a zero byte in a
 * text U+FFFD, since whoever reads on ends there. */
static void mend(struct str text, struct buf *out)
{
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        size_t from = i;

        if (in_string && str_starts(str_skip(text, i), STR("\\u0000"))) {
            buf_adds(out, "\\ufffd");
            i += 5;
            continue;
        }
        if (in_string && text.p[i] == '\\' && i + 1 < text.n)
            i++;
        else if (text.p[i] == '"')
            in_string = !in_string;
        else if (!in_string && is_number_char(text.p[i]))
            while (i + 1 < text.n && is_number_char(text.p[i + 1]))
                i++;
        buf_add(out, (struct str){text.p + from, i + 1 - from});
        if (is_too_big((struct str){text.p + from, i + 1 - from}))
            buf_adds(out, ".0");
    }
}

static json_t *load(struct str text, size_t flags, json_error_t *e)
{
    return json_loadb(text.p ? text.p : "", text.n, flags | JSON_DECODE_ANY, e);
}

static json_t *load_mended(struct str text, size_t flags, json_error_t *e)
{
    struct buf mended;
    json_t *root;

    buf_init(&mended, 0);
    mend(text, &mended);
    root = load(buf_str(&mended), flags, e);
    buf_fini(&mended);
    return root;
}

static int read_whole(struct str text, size_t flags, struct json_t **out, struct err *err)
{
    json_error_t e;
    json_t *root;

    if (str_starts(text, STR("\xef\xbb\xbf"))) /* a byte order mark, as Windows writes it */
        text = (struct str){text.p + 3, text.n - 3};
    if (check_depth(text, err) < 0)
        return -1;
    root = load(text, flags, &e);
    if (!root && (json_error_code(&e) == json_error_numeric_overflow ||
                  json_error_code(&e) == json_error_null_character))
        root = load_mended(text, flags, &e);
    if (!root) {
        struct span at = {e.line > 0 ? (uint32_t)e.line : 1, e.column > 0 ? (uint32_t)e.column : 1,
                          1};

        return err_at(err, ERR_SYNTAX, at, "not JSON: %s", e.text);
    }
    *out = root;
    return 0;
}

int json_read(struct str text, struct json_t **out, struct err *err)
{
    return read_whole(text, JSON_REJECT_DUPLICATES, out, err);
}

int json_read_foreign(struct str text, struct json_t **out, struct err *err)
{
    return read_whole(text, JSON_ALLOW_NUL, out, err);
}
