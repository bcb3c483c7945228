/* url: scheme://user:password@host:port/path?key=value taken apart, as services that are not asked
 * over HTTP write their addresses (postgresql://, redis://, amqp://).
 *
 * The parts are views into the text, as written; url_decode replaces %xx. A URL may hold a
 * password, so no message quotes it.
 * Threads: any.
 */
#ifndef TEXT_URL_H
#define TEXT_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

struct url {
    struct str scheme;
    struct str user, password; /* p NULL: not given */
    struct str host;           /* IPv6 without its brackets; n 0: none */
    uint16_t port;             /* 0: not given */
    struct str path;           /* without the slash it begins with */
    struct str query;          /* without the '?' */
};

MUST_USE int url_split(struct str text, struct url *out, struct err *err);
/* %xx replaced; in the arena, with a NUL behind. ERR_SYNTAX: a '%' without two hex digits behind
 * it, or %00. */
MUST_USE int url_decode(struct arena *a, struct str part, const char **out, struct err *err);
/* Takes the next key=value of *query off it; false at the end. */
bool url_next_param(struct str *query, struct str *key, struct str *value);
/* As libpq reads them, host and port may stand in the query too: `postgresql:///shop?port=5433`.
 * They count then; a host that is a folder, where a socket is, does not. */
void url_take_place(struct url *u);
/* host:port, IPv6 in brackets; what the URL leaves out is taken from the other two. */
MUST_USE const char *url_place(struct arena *a, const struct url *u, const char *host,
                               uint16_t port, struct err *err);

#endif
