#include "http/head.h"

#include <strings.h>

#include "base/arena.h"
#include "base/err.h"

enum { IN_TOKEN = 1, IN_PATH = 2, IN_QUERY = 4, IN_HOST = 8, IN_VALUE = 16 };

/* What each byte may be part of. IN_QUERY is any visible ASCII but '#': people write PromQL into
 * curl as it is. IN_PATH is RFC 3986's pchar and '/'. */
enum {
    V = IN_VALUE,
    Q = V | IN_QUERY,
    P = Q | IN_PATH,
    T = Q | IN_TOKEN,
    B = P | IN_TOKEN,
    S = V | IN_TOKEN,
    A = B | IN_HOST, /* letters, digits, - . _ */
};

/* clang-format off */
static const unsigned char kinds[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    V, B, Q, S, B, B, B, B, P, P, B, B, P, A, A, P,
    A, A, A, A, A, A, A, A, A, A, P, P, Q, P, Q, Q,
    P, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
    A, A, A, A, A, A, A, A, A, A, A, Q, Q, Q, T, A,
    T, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
    A, A, A, A, A, A, A, A, A, A, A, Q, T, Q, B, 0,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};
/* clang-format on */

static bool all_are(struct str s, unsigned kind)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(kinds[(unsigned char)s.p[i]] & kind))
            return false;
    return true;
}

static int refuse(int *status, int code, struct err *err, const char *why)
{
    *status = code;
    return err_set(err, ERR_SYNTAX, "%s", why);
}

enum head_end head_find_end(struct str in, size_t *seen, size_t *n)
{
    const char *lf;

    if (in.n && (in.p[0] < 'A' || in.p[0] > 'Z'))
        return HEAD_BAD;
    while (*seen < in.n && (lf = memchr(in.p + *seen, '\n', in.n - *seen))) {
        size_t at = (size_t)(lf - in.p);

        if (at == 0 || in.p[at - 1] != '\r')
            return HEAD_BAD;
        *seen = at + 1;
        if (at >= 3 && in.p[at - 2] == '\n') {
            *n = at + 1;
            return HEAD_WHOLE;
        }
    }
    *seen = in.n;
    return HEAD_MORE;
}

struct str head_value(const struct http_header *headers, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(headers[i].name, name))
            return headers[i].value;
    return (struct str){NULL, 0};
}

static struct str trim_blanks(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_skip(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static bool is_word(struct str s, struct str word)
{
    return s.n == word.n && strncasecmp(s.p, word.p, s.n) == 0;
}

bool head_has_token(struct str list, struct str token)
{
    while (list.p) {
        struct str item = str_split(&list, ',');

        if (is_word(trim_blanks(item), token))
            return true;
    }
    return false;
}

int head_split_host(struct str in, struct str *host, struct str *port)
{
    struct str h = in, p = {"", 0};

    if (in.n && in.p[0] == '[') {
        const char *close = memchr(in.p, ']', in.n);

        if (!close)
            return -1;
        h = (struct str){in.p + 1, (size_t)(close - in.p) - 1};
        p = str_skip(in, h.n + 2);
        for (size_t i = 0; i < h.n; i++)
            if (!strchr("0123456789abcdefABCDEF:.", h.p[i]) || !h.p[i])
                return -1;
    } else {
        const char *colon = in.n ? memchr(in.p, ':', in.n) : NULL;

        if (colon) {
            h.n = (size_t)(colon - in.p);
            p = str_skip(in, h.n);
        }
        if (!all_are(h, IN_HOST))
            return -1;
    }
    if (p.n && (p.p[0] != ':' || p.n < 2 || p.n > 6))
        return -1;
    p = str_skip(p, 1);
    for (size_t i = 0; i < p.n; i++)
        if (p.p[i] < '0' || p.p[i] > '9')
            return -1;
    if (!h.n)
        return -1;
    *host = h;
    *port = p;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int head_unescape(struct arena *a, struct str in, bool plus, struct str *out, struct err *err)
{
    char *p;
    size_t n = 0;

    if (!in.n || (!memchr(in.p, '%', in.n) && !(plus && memchr(in.p, '+', in.n)))) {
        *out = in.n ? in : (struct str){"", 0};
        return 0;
    }
    p = arena_alloc(a, in.n, err);
    if (!p)
        return -1;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];

        if (c == '%') {
            int high = in.n - i > 2 ? hex_digit(in.p[i + 1]) : -1;
            int low = in.n - i > 2 ? hex_digit(in.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return err_set(err, ERR_SYNTAX, "'%%' has to be followed by two hex digits");
            c = (char)(high << 4 | low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        p[n++] = c;
    }
    *out = (struct str){p, n};
    return 0;
}

static bool has_dot_segment(struct str path)
{
    while (path.p) {
        struct str segment = str_split(&path, '/');

        if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            return true;
    }
    return false;
}

static int parse_path(struct arena *a, struct head *h, int *status, struct err *err)
{
    if (!all_are(h->raw_path, IN_PATH))
        return refuse(status, 400, err, "the path holds a byte that has to be written as %XX");
    if (!all_are(h->raw_query, IN_QUERY))
        return refuse(status, 400, err, "the query holds a byte that has to be written as %XX");
    *status = 400;
    if (head_unescape(a, h->raw_path, false, &h->path, err) < 0) {
        if (err->kind != ERR_SYNTAX)
            *status = 503;
        return -1;
    }
    for (size_t i = 0; i < h->path.n; i++)
        if ((unsigned char)h->path.p[i] < 0x20 || h->path.p[i] == 0x7f)
            return refuse(status, 400, err, "the path holds a control character");
    if (!str_is_utf8(h->path))
        return refuse(status, 400, err, "the path is not UTF-8");
    if (has_dot_segment(h->path))
        return refuse(status, 400, err, "the path holds a . or .. segment");
    return 0;
}

/* "http://host/path" is allowed when the host is that of the Host header; `authority` is kept for
 * that, since headers come later. */
static int parse_target(struct str target, struct head *h, struct str *authority, int *status,
                        struct err *err)
{
    struct str rest = target;

    *authority = (struct str){NULL, 0};
    if (rest.n >= 7 && strncasecmp(rest.p, "http://", 7) == 0) {
        const char *slash;

        rest = str_skip(rest, 7);
        slash = memchr(rest.p, '/', rest.n);
        if (!slash)
            return refuse(status, 400, err, "the target has no path");
        *authority = (struct str){rest.p, (size_t)(slash - rest.p)};
        rest = str_skip(rest, authority->n);
    }
    if (!rest.n || rest.p[0] != '/')
        return refuse(status, 400, err, "the target does not begin with /");
    h->raw_path = str_split(&rest, '?');
    h->raw_query = rest.p ? rest : (struct str){"", 0};
    return 0;
}

/* Any "HTTP/d.d". */
static bool is_version(struct str s)
{
    return s.n == 8 && str_starts(s, STR("HTTP/")) && s.p[5] >= '0' && s.p[5] <= '9' &&
           s.p[6] == '.' && s.p[7] >= '0' && s.p[7] <= '9';
}

static int parse_request_line(struct str line, struct head *h, struct str *authority, int *status,
                              struct err *err)
{
    static const struct str methods[] = {{"GET", 3},    {"HEAD", 4},    {"POST", 4}, {"PUT", 3},
                                         {"DELETE", 6}, {"OPTIONS", 7}, {"PATCH", 5}};
    struct str method = str_split(&line, ' ');
    struct str target, version;
    bool known = false;

    if (!line.p)
        return refuse(status, 400, err, "the first line is not METHOD TARGET HTTP/1.1");
    target = str_split(&line, ' ');
    version = line;
    if (!version.p || !target.n)
        return refuse(status, 400, err, "the first line is not METHOD TARGET HTTP/1.1");
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        known |= str_eq(method, methods[i]);
    if (!known)
        return refuse(status, 501, err, "this method is not served here");
    if (str_eq(version, STR("HTTP/1.0")))
        h->http10 = true;
    else if (!str_eq(version, STR("HTTP/1.1")))
        return is_version(version)
                   ? refuse(status, 505, err, "only HTTP/1.1 and HTTP/1.0 are spoken here")
                   : refuse(status, 400, err, "the first line is not METHOD TARGET HTTP/1.1");
    h->method = method;
    return parse_target(target, h, authority, status, err);
}

/* One line "Name: value", its name made lower case in place. */
static int parse_header(char *p, size_t n, struct http_header *out, int *status, struct err *err)
{
    char *colon = memchr(p, ':', n);
    struct str name, value;

    if (p[0] == ' ' || p[0] == '\t')
        return refuse(status, 400, err, "a header line is folded (it begins with a blank)");
    if (!colon || colon == p)
        return refuse(status, 400, err, "a header line has no name and colon");
    name = (struct str){p, (size_t)(colon - p)};
    value = trim_blanks((struct str){colon + 1, n - name.n - 1});
    if (!all_are(name, IN_TOKEN))
        return refuse(status, 400, err, "a header's name holds a blank or an odd byte");
    if (!all_are(value, IN_VALUE))
        return refuse(status, 400, err, "a header's value holds a control character");
    for (size_t i = 0; i < name.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
    *out = (struct http_header){name, value};
    return 0;
}

static int parse_length(struct str s, uint64_t *out)
{
    uint64_t v = 0;

    if (!s.n || s.n > 18)
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = v;
    return 0;
}

/* The headers that decide where the body ends, and who is meant. */
static int check_framing(struct head *h, struct str authority, int *status, struct err *err)
{
    size_t hosts = 0, lengths = 0, encodings = 0;
    struct str host, port;

    h->keep_alive = !h->http10;
    for (size_t i = 0; i < h->headers_n; i++) {
        struct str name = h->headers[i].name, value = h->headers[i].value;

        if (str_eq(name, STR("host"))) {
            hosts++;
            h->host = value;
        } else if (str_eq(name, STR("content-length"))) {
            if (lengths++ || parse_length(value, &h->length) < 0)
                return refuse(status, 400, err, "Content-Length is repeated or not a number");
            h->has_length = true;
        } else if (str_eq(name, STR("transfer-encoding"))) {
            if (encodings++)
                return refuse(status, 400, err, "Transfer-Encoding is repeated");
            if (!is_word(value, STR("chunked")))
                return refuse(status, 501, err, "Transfer-Encoding can only be chunked");
            h->chunked = true;
        } else if (str_eq(name, STR("connection"))) {
            if (head_has_token(value, STR("close")))
                h->keep_alive = false;
            else if (h->http10 && head_has_token(value, STR("keep-alive")))
                h->keep_alive = true;
        } else if (str_eq(name, STR("expect"))) {
            if (!is_word(value, STR("100-continue")))
                return refuse(status, 417, err, "Expect can only be 100-continue");
            h->expect_continue = !h->http10;
        }
    }
    if (lengths && encodings)
        return refuse(status, 400, err, "Content-Length and Transfer-Encoding exclude each other");
    if (encodings && h->http10)
        return refuse(status, 400, err, "HTTP/1.0 has no Transfer-Encoding");
    if (hosts > 1 || (!hosts && !h->http10))
        return refuse(status, 400, err, hosts ? "Host is repeated" : "Host is missing");
    if (hosts && head_split_host(h->host, &host, &port) < 0)
        return refuse(status, 400, err, "Host is not a name or address");
    if (authority.p && !is_word(authority, h->host))
        return refuse(status, 400, err, "the target names another host than Host");
    return 0;
}

int head_parse(struct arena *a, char *bytes, size_t n, struct head *out, int *status,
               struct err *err)
{
    struct http_header headers[HEAD_HEADERS_MAX];
    struct head h = {.host = {"", 0}, .headers = headers};
    struct str authority = {NULL, 0};
    char *line = bytes, *end = bytes + n, *lf;

    for (size_t i = 0; (lf = memchr(line, '\n', (size_t)(end - line))); i++, line = lf + 1) {
        size_t length = (size_t)(lf - line);

        if (!length || lf[-1] != '\r')
            return refuse(status, 400, err, "a line of the head ends without CR");
        if (--length == 0)
            break;
        if (i == 0) {
            if (parse_request_line((struct str){line, length}, &h, &authority, status, err) < 0)
                return -1;
            continue;
        }
        if (h.headers_n == HEAD_HEADERS_MAX)
            return refuse(status, 431, err, "there are more than 100 headers");
        if (parse_header(line, length, &headers[h.headers_n], status, err) < 0)
            return -1;
        h.headers_n++;
    }
    if (!h.method.n || lf != end - 1)
        return refuse(status, 400, err, "the head does not end in an empty line");
    if (check_framing(&h, authority, status, err) < 0 || parse_path(a, &h, status, err) < 0)
        return -1;
    h.headers = arena_new_array(a, struct http_header, h.headers_n, err);
    if (!h.headers) {
        *status = 503;
        return -1;
    }
    if (h.headers_n)
        memcpy(h.headers, headers, h.headers_n * sizeof headers[0]);
    *out = h;
    return 0;
}
