/* place: where a URL leads: scheme, host and port. Threads: any. */
#ifndef HTTP_PLACE_H
#define HTTP_PLACE_H

#include <stdbool.h>

#include "base/attr.h"

#define PLACE_HOST_BYTES 256

struct place {
    char host[PLACE_HOST_BYTES]; /* as written: IPv6 in brackets */
    char port[8];
    bool https;
};

/* -1: not a URL that we fetch. */
MUST_USE int place_of(const char *url, struct place *out);
/* "localhost", 127.0.0.0/8, ::1. */
bool place_is_loopback(const struct place *p);
/* Loopback, a private or link-local address, a name without dots or under .local or .lan. */
bool place_is_near(const struct place *p);

#endif
