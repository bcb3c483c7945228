#include "text/redis_url.h"

#include "base/arena.h"
#include "base/err.h"
#include "text/url.h"

#define PORT_DEFAULT 6379
#define TEXT_MAX     4096
#define SOCKET_MAX   107 /* bytes of a Unix socket's path */

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_SYNTAX,
                   "%s; write redis://host:6379/0, rediss://user:password@host:6379/0 or "
                   "unix:///run/redis/redis.sock",
                   what);
}

bool redis_url_parse_db(struct str text, unsigned *out)
{
    unsigned value = 0;

    if (text.n == 0 || text.n > 7)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.p[i] - '0');
    }
    *out = value;
    return value <= REDIS_URL_DB_MAX;
}

static int read_user(struct arena *a, const struct url *u, struct redis_url *out, struct err *err)
{
    if (u->user.n > 0 && url_decode(a, u->user, &out->username, err) < 0)
        return -1;
    return u->password.n > 0 ? url_decode(a, u->password, &out->password, err) : 0;
}

static int read_tcp(struct arena *a, const struct url *u, struct redis_url *out, struct err *err)
{
    if (u->query.n > 0)
        return bad(err, "a ? with options is not understood (TLS has tls_config)");
    if (u->path.n > 0 && !redis_url_parse_db(u->path, &out->db))
        return bad(err, "what follows the / is not the number of a database");
    if (u->host.n == 0)
        return bad(err, "no host in it");
    out->port = u->port ? u->port : PORT_DEFAULT;
    out->host = arena_cstr(a, u->host, err);
    return out->host ? 0 : -1;
}

static int read_unix(struct arena *a, const struct url *u, struct redis_url *out, struct err *err)
{
    struct str query = u->query, key, value;
    const char *path;

    if (u->host.n > 0 || u->port > 0 || u->path.n == 0)
        return bad(err, "the path of a Unix socket begins with /");
    while (url_next_param(&query, &key, &value))
        if (!str_eq(key, STR("db")) || !redis_url_parse_db(value, &out->db))
            return bad(err, "behind the ? only db=NUMBER is understood");
    if (url_decode(a, u->path, &path, err) < 0)
        return -1;
    if (strlen(path) >= SOCKET_MAX)
        return bad(err, "the path of a Unix socket has at most 107 bytes");
    out->path = arena_printf(a, err, "/%s", path);
    return out->path ? 0 : -1;
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
    struct url u;
    bool is_unix;

    if (check_bytes(text, err) < 0 || url_split(text, &u, err) < 0)
        return -1;
    is_unix = str_eq(u.scheme, STR("unix"));
    url.tls = str_eq(u.scheme, STR("rediss"));
    if (!is_unix && !url.tls && !str_eq(u.scheme, STR("redis")))
        return bad(err, "it begins neither with redis:// nor with rediss:// or unix://");
    if (read_user(a, &u, &url, err) < 0 ||
        (is_unix ? read_unix(a, &u, &url, err) : read_tcp(a, &u, &url, err)) < 0)
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
