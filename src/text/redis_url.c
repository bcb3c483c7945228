#include "text/redis_url.h"

#include "base/arena.h"
#include "base/err.h"

#define PORT_DEFAULT 6379
#define TEXT_MAX     4096

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_SYNTAX,
                   "%s; write redis://host:6379/0, rediss://user:password@host:6379/0 or "
                   "unix:///run/redis/redis.sock",
                   what);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX becomes the byte. */
static int decode(struct arena *a, struct str s, const char **out, struct err *err)
{
    char *p = arena_alloc(a, s.n + 1, err);
    size_t n = 0;

    if (!p)
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '%') {
            bool whole = s.n - i > 2;
            int high = whole ? hex(s.p[i + 1]) : -1, low = whole ? hex(s.p[i + 2]) : -1;

            if (high < 0 || low < 0 || high * 16 + low == 0)
                return bad(err, "a % in it is not followed by two hexadecimal digits (% itself is "
                                "written %25)");
            c = (char)(high * 16 + low);
            i += 2;
        }
        p[n++] = c;
    }
    p[n] = '\0';
    *out = p;
    return 0;
}

static bool parse_number(struct str s, unsigned max, unsigned *out)
{
    unsigned value = 0;

    if (s.n == 0 || s.n > 7)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        value = value * 10 + (unsigned)(s.p[i] - '0');
    }
    *out = value;
    return value <= max;
}

bool redis_url_parse_db(struct str text, unsigned *out)
{
    return parse_number(text, REDIS_URL_DB_MAX, out);
}

static int parse_user(struct arena *a, struct str info, struct redis_url *url, struct err *err)
{
    struct str user = str_split(&info, ':');

    if (user.n > 0 && decode(a, user, &url->username, err) < 0)
        return -1;
    return info.p && info.n > 0 ? decode(a, info, &url->password, err) : 0;
}

/* "host", "host:port", "[::1]:port". */
static int parse_host(struct arena *a, struct str s, struct redis_url *url, struct err *err)
{
    struct str host = s, port = {NULL, 0};
    const char *end;
    unsigned number = PORT_DEFAULT;

    if (s.n > 0 && s.p[0] == '[') {
        end = memchr(s.p, ']', s.n);
        if (!end)
            return bad(err, "a [ in it is not closed");
        host = (struct str){s.p + 1, (size_t)(end - s.p) - 1};
        port = str_skip(s, (size_t)(end - s.p) + 1);
        if (port.n > 0 && port.p[0] != ':')
            return bad(err, "behind the ] stands neither port nor database");
        port = port.n > 0 ? str_skip(port, 1) : (struct str){NULL, 0};
    } else {
        end = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
        if (end) {
            host = (struct str){s.p, (size_t)(end - s.p)};
            port = str_skip(s, host.n + 1);
        }
    }
    if (host.n == 0)
        return bad(err, "no host in it");
    if (port.p && (!parse_number(port, UINT16_MAX, &number) || number == 0))
        return bad(err, "its port is not a number from 1 to 65535");
    url->port = (uint16_t)number;
    url->host = arena_cstr(a, host, err);
    return url->host ? 0 : -1;
}

static int parse_tcp(struct arena *a, struct str rest, struct redis_url *url, struct err *err)
{
    struct str host = str_split(&rest, '/');

    if (memchr(host.p, '?', host.n) || (rest.n > 0 && memchr(rest.p, '?', rest.n)))
        return bad(err, "a ? with options is not understood (TLS has tls_config)");
    if (rest.n > 0 && !redis_url_parse_db(rest, &url->db))
        return bad(err, "what follows the / is not the number of a database");
    return parse_host(a, host, url, err);
}

static int parse_unix(struct arena *a, struct str rest, struct redis_url *url, struct err *err)
{
    struct str path = str_split(&rest, '?');

    if (path.n == 0 || path.p[0] != '/')
        return bad(err, "the path of a Unix socket begins with /");
    if (path.n > 107)
        return bad(err, "the path of a Unix socket has at most 107 bytes");
    if (rest.p &&
        (!str_starts(rest, STR("db=")) || !redis_url_parse_db(str_skip(rest, 3), &url->db)))
        return bad(err, "behind the ? only db=NUMBER is understood");
    return decode(a, path, &url->path, err);
}

static int check_bytes(struct str text, struct err *err)
{
    if (text.n > TEXT_MAX)
        return bad(err, "it is longer than 4096 bytes");
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
            return bad(err, "a space or control character in it");
    return 0;
}

int redis_url_parse(struct arena *a, struct str text, struct redis_url *out, struct err *err)
{
    struct redis_url url = {.host = NULL};
    bool local = str_starts(text, STR("unix://"));
    const char *at, *slash;
    struct str rest;

    if (check_bytes(text, err) < 0)
        return -1;
    url.tls = str_starts(text, STR("rediss://"));
    if (!local && !url.tls && !str_starts(text, STR("redis://")))
        return bad(err, "it begins neither with redis:// nor with rediss:// or unix://");
    rest = str_skip(text, local ? 7 : url.tls ? 9 : 8);
    slash = rest.n > 0 ? memchr(rest.p, '/', rest.n) : NULL;
    at = rest.n > 0 ? memrchr(rest.p, '@', slash ? (size_t)(slash - rest.p) : rest.n) : NULL;
    if (at) {
        struct str info = {rest.p, (size_t)(at - rest.p)};

        if (parse_user(a, info, &url, err) < 0)
            return -1;
        rest = str_skip(rest, info.n + 1);
    }
    if ((local ? parse_unix(a, rest, &url, err) : parse_tcp(a, rest, &url, err)) < 0)
        return -1;
    *out = url;
    return 0;
}

const char *redis_url_place(struct arena *a, const struct redis_url *url, struct err *err)
{
    if (url->path)
        return arena_cstr(a, str_c(url->path), err);
    return arena_printf(a, err, strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host,
                        (unsigned)url->port);
}
