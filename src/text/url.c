#include "text/url.h"

#include "base/arena.h"
#include "base/err.h"

static bool is_scheme_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
}

static int take_scheme(struct str *rest, struct url *out, struct err *err)
{
    size_t n = 0;

    while (n < rest->n && is_scheme_char(rest->p[n]))
        n++;
    out->scheme = str_take(*rest, n);
    *rest = str_skip(*rest, n);
    if (n == 0 || !str_starts(*rest, STR("://")))
        return err_set(err, ERR_SYNTAX, "not a URL: it begins with no scheme://");
    *rest = str_skip(*rest, 3);
    return 0;
}

static const char *find(struct str s, char c)
{
    return s.n ? memchr(s.p, c, s.n) : NULL;
}

/* Up to the last '@': a password that is not encoded as it should be may hold one. */
static void take_user(struct str *authority, struct url *out)
{
    const char *at = authority->n ? memrchr(authority->p, '@', authority->n) : NULL;
    struct str who;

    if (!at)
        return;
    who = str_take(*authority, (size_t)(at - authority->p));
    *authority = str_skip(*authority, who.n + 1);
    out->user = str_split(&who, ':');
    out->password = who;
}

static int read_port(struct str text, uint16_t *out, struct err *err)
{
    unsigned port = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || port > UINT16_MAX)
            return err_set(err, ERR_SYNTAX, "the port of the URL is no number from 1 to 65535");
        port = port * 10 + (unsigned)(text.p[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX)
        return err_set(err, ERR_SYNTAX, "the port of the URL is no number from 1 to 65535");
    *out = (uint16_t)port;
    return 0;
}

static int read_place(struct str place, struct url *out, struct err *err)
{
    struct str port;

    if (str_starts(place, STR("["))) {
        const char *end = find(place, ']');

        if (!end)
            return err_set(err, ERR_SYNTAX, "the host of the URL has a [ without its ]");
        out->host = (struct str){place.p + 1, (size_t)(end - place.p - 1)};
        port = str_skip(place, (size_t)(end - place.p) + 1);
        if (port.n && port.p[0] != ':')
            return err_set(err, ERR_SYNTAX, "between the ] and the port of the URL stands no :");
        port = port.n ? str_skip(port, 1) : (struct str){NULL, 0};
    } else {
        port = place;
        out->host = str_split(&port, ':');
    }
    return port.p ? read_port(port, &out->port, err) : 0;
}

int url_split(struct str text, struct url *out, struct err *err)
{
    struct url u = {.port = 0};
    struct str rest = text, authority, tail;
    size_t n = 0;

    if (take_scheme(&rest, &u, err) < 0)
        return -1;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    authority = str_take(rest, n);
    tail = str_skip(rest, n);
    take_user(&authority, &u);
    if (read_place(authority, &u, err) < 0)
        return -1;
    u.path = str_split(&tail, '?');
    u.path = str_starts(u.path, STR("/")) ? str_skip(u.path, 1) : STR("");
    u.query = tail.p ? tail : STR("");
    *out = u;
    return 0;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int url_decode(struct arena *a, struct str part, const char **out, struct err *err)
{
    char *text = arena_cstr(a, part, err);
    size_t n = 0;

    if (!text)
        return -1;
    for (size_t i = 0; i < part.n; i++) {
        int high, low;

        text[n++] = part.p[i];
        if (part.p[i] != '%')
            continue;
        high = i + 1 < part.n ? hex(part.p[i + 1]) : -1;
        low = i + 2 < part.n ? hex(part.p[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return err_set(err, ERR_SYNTAX,
                           "the URL has a %% that is not followed by two hex digits; write %%25 "
                           "for a %% in a name or password");
        text[n - 1] = (char)(high * 16 + low);
        i += 2;
    }
    text[n] = '\0';
    *out = text;
    return 0;
}

bool url_next_param(struct str *query, struct str *key, struct str *value)
{
    while (query->n > 0) {
        struct str pair = str_split(query, '&');

        *key = str_split(&pair, '=');
        *value = pair.p ? pair : STR("");
        if (key->n)
            return true;
    }
    return false;
}

void url_take_place(struct url *u)
{
    struct str query = u->query, key, value;

    while (url_next_param(&query, &key, &value)) {
        uint16_t port;
        struct err err;

        if (str_eq(key, STR("host")) && value.n && value.p[0] != '/' && value.p[0] != '%')
            u->host = value;
        if (str_eq(key, STR("port")) && read_port(value, &port, &err) == 0)
            u->port = port;
    }
}

const char *url_place(struct arena *a, const struct url *u, const char *host, uint16_t port,
                      struct err *err)
{
    struct str name = u->host.n ? u->host : str_c(host);
    bool is_ipv6 = find(name, ':') != NULL;

    return arena_printf(a, err, "%s%.*s%s:%u", is_ipv6 ? "[" : "", STR_ARGS(name),
                        is_ipv6 ? "]" : "", (unsigned)(u->port ? u->port : port));
}
