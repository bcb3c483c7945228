#include "http/origin.h"

#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/head.h"

static bool same_word(struct str a, struct str b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static char *copy(struct str s)
{
    char *p = mem_zalloc(s.n + 1);

    memcpy(p, s.p, s.n);
    return p;
}

/* Splits "https://watch.example:444/earshot/" into origin and path. */
static int parse_external(struct origin_rules *o, const char *url, struct str *host,
                          struct err *err)
{
    struct str whole = str_c(url), rest = whole, authority, port;

    if (str_starts(rest, STR("http://")))
        rest = str_skip(rest, 7);
    else if (str_starts(rest, STR("https://")))
        rest = str_skip(rest, 8);
    else
        return err_set(err, ERR_SYNTAX,
                       "external_url: \"%s\" does not begin with http:// or https://", url);
    authority = str_split(&rest, '/');
    if (head_split_host(authority, host, &port) < 0 ||
        (rest.p && (memchr(rest.p, '?', rest.n) || memchr(rest.p, '#', rest.n))))
        return err_set(err, ERR_SYNTAX,
                       "external_url: \"%s\" is not like https://watch.example/path", url);
    o->external_origin = copy((struct str){whole.p, (size_t)(authority.p + authority.n - whole.p)});
    while (rest.n && rest.p[rest.n - 1] == '/')
        rest.n--;
    o->path_prefix =
        rest.n ? copy((struct str){rest.p - 1, rest.n + 1}) : copy((struct str){"", 0});
    return 0;
}

int origin_init(struct origin_rules *o, const char *listen_host, bool listen_all,
                const char *const *allowed_hosts, size_t allowed_hosts_n, const char *external_url,
                struct err *err)
{
    struct origin_rules made = {.hosts = mem_new_array(char *, allowed_hosts_n + 1)};
    struct str external_host;

    if (external_url && parse_external(&made, external_url, &external_host, err) < 0) {
        origin_fini(&made);
        return -1;
    }
    if (!made.path_prefix)
        made.path_prefix = copy((struct str){"", 0});
    for (size_t i = 0; i < allowed_hosts_n; i++) {
        struct str host, port;

        if (head_split_host(str_c(allowed_hosts[i]), &host, &port) < 0) {
            origin_fini(&made);
            return err_set(err, ERR_SYNTAX,
                           "allowed_hosts: \"%s\" is not a host name; write it without http:// "
                           "and path",
                           allowed_hosts[i]);
        }
        made.hosts[made.hosts_n++] = copy(host);
    }
    if (external_url)
        made.hosts[made.hosts_n++] = copy(external_host);
    if (!listen_all)
        made.listen_host = mem_strdup(listen_host);
    *o = made;
    return 0;
}

void origin_fini(struct origin_rules *o)
{
    for (size_t i = 0; i < o->hosts_n; i++)
        mem_free(o->hosts[i]);
    mem_free(o->hosts);
    mem_free(o->listen_host);
    mem_free(o->external_origin);
    mem_free(o->path_prefix);
    *o = (struct origin_rules){0};
}

/* 127.0.0.0/8 as four numbers: "127.evil.example" is a name. */
static bool is_loopback_v4(struct str s)
{
    unsigned parts = 0;

    if (!str_starts(s, STR("127.")))
        return false;
    while (s.p) {
        struct str part = str_split(&s, '.');

        if (!part.n || part.n > 3)
            return false;
        for (size_t i = 0; i < part.n; i++)
            if (part.p[i] < '0' || part.p[i] > '9')
                return false;
        parts++;
    }
    return parts == 4;
}

static bool is_loopback(struct str host)
{
    return same_word(host, STR("localhost")) || same_word(host, STR("::1")) ||
           (host.n > 10 && same_word(str_skip(host, host.n - 10), STR(".localhost"))) ||
           is_loopback_v4(host);
}

bool origin_host_allowed(const struct origin_rules *o, struct str header, struct str local)
{
    struct str host, port;

    if (head_split_host(header, &host, &port) < 0)
        return false;
    if (host.n > 1 && host.p[host.n - 1] == '.')
        host.n--; /* "localhost." is the same name */
    if (is_loopback(host))
        return true;
    if (same_word(host, o->listen_host ? str_c(o->listen_host) : local))
        return true;
    for (size_t i = 0; i < o->hosts_n; i++)
        if (same_word(host, str_c(o->hosts[i])))
            return true;
    return false;
}

static bool is_ours(const struct origin_rules *o, struct str host, struct str origin)
{
    if (o->external_origin && same_word(origin, str_c(o->external_origin)))
        return true;
    return str_starts(origin, STR("http://")) && same_word(str_skip(origin, 7), host);
}

/* Of "http://host:1/path?query": what stands before the path. */
static struct str origin_of(struct str url)
{
    for (size_t i = 0, slashes = 0; i < url.n; i++)
        if (url.p[i] == '/' && ++slashes == 3)
            return str_take(url, i);
    return url;
}

bool origin_may_change(const struct origin_rules *o, const struct origin_headers *h)
{
    if (h->origin.p)
        return is_ours(o, h->host, h->origin);
    if (h->fetch_site.p)
        return same_word(h->fetch_site, STR("same-origin")) ||
               same_word(h->fetch_site, STR("none"));
    return !h->referer.p || is_ours(o, h->host, origin_of(h->referer));
}
