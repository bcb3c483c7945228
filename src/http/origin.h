/* origin: who may speak to us through a browser.
 *
 * The Host check stops DNS rebinding: a page of evil.example whose name now points to 127.0.0.1
 * still says "Host: evil.example". The Origin check stops a page of another origin from changing
 * anything with the visitor's rights. Browsers tell the origin of a page in Origin, but not with a
 * GET; in Sec-Fetch-Site, but only to loopback and over TLS; in Referer, unless the page forbids
 * it. What says none of these is taken for a program, as curl is one.
 *
 * Threads: any, once made.
 */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

struct origin_rules {
    char *listen_host; /* owned; NULL: all addresses */
    char **hosts;      /* owned; allowed_hosts and external_url's */
    size_t hosts_n;
    char *external_origin; /* owned; "https://watch.example", NULL: none */
    char *path_prefix;     /* owned; "/earshot", "" */
};

MUST_USE int origin_init(struct origin_rules *o, const char *listen_host, bool listen_all,
                         const char *const *allowed_hosts, size_t allowed_hosts_n,
                         const char *external_url, struct err *err);
void origin_fini(struct origin_rules *o);

/* `host` is a Host header that head.h let through; `local` the address the client came in by, for
 * when we listen on all of them. */
bool origin_host_allowed(const struct origin_rules *o, struct str host, struct str local);
/* What a request says of the page behind it; p NULL when the header is absent. */
struct origin_headers {
    struct str host, origin, fetch_site, referer;
};

/* May this request change something? */
bool origin_may_change(const struct origin_rules *o, const struct origin_headers *h);

#endif
