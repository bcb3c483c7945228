/* proxy: through which proxy a URL is asked, with the rules of Go's clients, which a prometheus.yml
 * means: an entry of no_proxy is "*", an address, a network (10.0.0.0/8) or a domain (also its
 * sub-domains; with a dot in front only those), each perhaps with ":port".
 *
 * Threads: any, as long as nobody changes the environment.
 */
#ifndef HTTP_PROXY_H
#define HTTP_PROXY_H

#include <stdbool.h>

#include "base/str.h"

struct client_proxy;

/* The proxy's URL, borrowed from `p` or the environment; NULL: none. From the environment,
 * loopback is never asked through a proxy. */
const char *proxy_of(const struct client_proxy *p, const char *url);
/* Is a proxy left out for host (IPv6 in brackets or not) and port? */
bool proxy_is_excepted(const char *no_proxy, struct str host, struct str port);

#endif
