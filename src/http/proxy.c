#include "http/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/client_settings.h"
#include "http/place.h"

/* An address as 16 bytes, IPv4 mapped into IPv6. */
struct address {
    uint8_t bytes[16];
    bool v4;
};

static bool read_address(struct str text, struct address *out)
{
    char c[64];

    if (text.n > 1 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = (struct str){text.p + 1, text.n - 2};
    if (text.n == 0 || text.n >= sizeof c)
        return false;
    memcpy(c, text.p, text.n);
    c[text.n] = '\0';
    memset(out->bytes, 0, 10);
    memset(out->bytes + 10, 0xff, 2);
    out->v4 = inet_pton(AF_INET, c, out->bytes + 12) == 1;
    return out->v4 || inet_pton(AF_INET6, c, out->bytes) == 1;
}

static bool is_in_network(struct str network, const struct address *host)
{
    struct str bits_text = network, base_text = str_split(&bits_text, '/');
    struct address base;
    unsigned bits = 0;

    if (!bits_text.p || bits_text.n == 0 || bits_text.n > 3 || !read_address(base_text, &base) ||
        base.v4 != host->v4)
        return false;
    for (size_t i = 0; i < bits_text.n; i++) {
        if (bits_text.p[i] < '0' || bits_text.p[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(bits_text.p[i] - '0');
    }
    if (bits > (base.v4 ? 32u : 128u))
        return false;
    bits += base.v4 ? 96 : 0;
    for (unsigned i = 0; i < bits; i++) {
        unsigned mask = 0x80u >> (i % 8);

        if ((base.bytes[i / 8] ^ host->bytes[i / 8]) & mask)
            return false;
    }
    return true;
}

static bool is_domain_of(struct str entry, struct str host)
{
    bool below_only = entry.n && entry.p[0] == '.';
    struct str bare = str_skip(entry, below_only ? 1 : 0);

    if (str_starts(entry, STR("*."))) { /* as Go: the same as ".domain" */
        bare = str_skip(entry, 2);
        below_only = true;
    }
    if (bare.n == 0 || host.n < bare.n ||
        strncasecmp(host.p + host.n - bare.n, bare.p, bare.n) != 0)
        return false;
    if (host.n == bare.n)
        return !below_only;
    return host.p[host.n - bare.n - 1] == '.';
}

/* Cuts ":port" off an entry; false when it is there and is another one. */
static bool take_port(struct str *entry, struct str port)
{
    const char *colon = entry->n ? memrchr(entry->p, ':', entry->n) : NULL;
    struct address whole;
    struct str theirs;

    if (!colon || memchr(entry->p, '/', entry->n) || read_address(*entry, &whole))
        return true;
    theirs = (struct str){colon + 1, (size_t)(entry->p + entry->n - colon - 1)};
    entry->n = (size_t)(colon - entry->p);
    return str_eq(theirs, port);
}

bool proxy_is_excepted(const char *no_proxy, struct str host, struct str port)
{
    struct str rest = str_c(no_proxy);
    struct address address;
    bool is_address = read_address(host, &address);

    while (rest.p) {
        struct str entry = str_trim(str_split(&rest, ','));
        struct address other;

        if (entry.n == 0)
            continue;
        if (str_eq(entry, STR("*")))
            return true;
        if (!take_port(&entry, port))
            continue;
        if (is_address && memchr(entry.p, '/', entry.n)) {
            if (is_in_network(entry, &address))
                return true;
        } else if (is_address && read_address(entry, &other)) {
            if (memcmp(address.bytes, other.bytes, sizeof other.bytes) == 0)
                return true;
        } else if (!is_address && is_domain_of(entry, host)) {
            return true;
        }
    }
    return false;
}

/* NAME or name; "" is none. */
static const char *environment(const char *upper, const char *lower)
{
    const char *value = getenv(upper);

    if (!value || !*value)
        value = getenv(lower);
    return value && *value ? value : NULL;
}

static bool has_environment(void)
{
    return environment("HTTPS_PROXY", "https_proxy") || environment("HTTP_PROXY", "http_proxy");
}

const char *proxy_of(const struct client_proxy *p, const char *url)
{
    const char *proxy = p->url, *except = p->no_proxy;
    struct place place;

    if (!proxy && (!p->from_environment || !has_environment()))
        return NULL; /* the common case; taking an URL apart is dear */
    if (place_of(url, &place) < 0)
        return NULL;
    if (p->from_environment) {
        proxy = place.https ? environment("HTTPS_PROXY", "https_proxy")
                            : environment("HTTP_PROXY", "http_proxy");
        except = environment("NO_PROXY", "no_proxy");
        if (place_is_loopback(&place))
            return NULL;
    }
    if (!proxy || proxy_is_excepted(except, str_c(place.host), str_c(place.port)))
        return NULL;
    return proxy;
}
