/* route: from a path to who answers it. Exact paths first (routes before assets), then the longest
 * prefix. One path may have several routes with different methods.
 *
 * Threads: the loop's.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <stddef.h>

#include "base/map.h"
#include "base/str.h"
#include "http/server.h"

struct route_entry {
    struct str path; /* without the '*' of a prefix */
    struct http_route copy;
    const struct http_route *route; /* &copy; NULL: an asset */
    const struct http_asset *asset;
    struct route_entry *next; /* same path, other methods */
};

struct routes {
    struct map exact;              /* owns its route_entry, by path */
    struct route_entry **prefixes; /* longest first */
    size_t prefixes_n, prefixes_cap;
};

struct route_found {
    const struct http_route *route; /* NULL: none, or not with this method */
    const struct http_asset *asset;
    unsigned methods; /* of all at this path; 0: there is none */
};

void routes_init(struct routes *t);
void routes_fini(struct routes *t);
void routes_add(struct routes *t, const struct http_route *route);
void routes_add_asset(struct routes *t, const struct http_asset *asset);
struct route_found routes_find(const struct routes *t, struct str path, unsigned method);

/* The bit of a method's name (HEAD's is HTTP_GET), 0: none of ours. */
unsigned routes_method(struct str name);
/* "GET, HEAD, POST": for the Allow header. */
void routes_allow(unsigned methods, char out[64]);

#endif
