/* redis_url: where a Redis is, as people write it:
 *
 *   redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]      rediss://... the same with TLS
 *   unix://[USER[:PASSWORD]@]/PATH[?db=DB]
 *
 * PORT is 6379 and DB is 0 unless given; user and password may hold %XX. `redis://:secret@host` has
 * a password and no user.
 *
 * Errors: ERR_SYNTAX, without a word of the text itself: it may hold a password.
 * Ownership: the arena. Threads: any.
 */
#ifndef TEXT_REDIS_URL_H
#define TEXT_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

#define REDIS_URL_DB_MAX 1000000u

struct redis_url {
    const char *host; /* without brackets; NULL: `path` is asked */
    uint16_t port;
    const char *path;                /* of the Unix socket; NULL: host and port */
    const char *username, *password; /* NULL: none */
    unsigned db;
    bool tls;
};

MUST_USE int redis_url_parse(struct arena *a, struct str text, struct redis_url *out,
                             struct err *err);
/* "host:port", "[::1]:6379" or the path. NULL: no memory. */
MUST_USE const char *redis_url_place(struct arena *a, const struct redis_url *url, struct err *err);
/* "3", up to REDIS_URL_DB_MAX. */
MUST_USE bool redis_url_parse_db(struct str text, unsigned *out);

#endif
