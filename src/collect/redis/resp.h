/* resp: replies of a Redis (RESP2), read by hiredis into an arena.
 *
 * Bounds: a reply has at most RESP_BYTES_MAX bytes and an array RESP_ITEMS_MAX elements; arrays
 * nest up to 7 deep. More is ERR_LIMIT; what is no RESP is ERR_SYNTAX.
 * Ownership: a reply lives in the arena that the reader was given. Threads: one at a time.
 */
#ifndef COLLECT_REDIS_RESP_H
#define COLLECT_REDIS_RESP_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define RESP_BYTES_MAX (16u << 20)
#define RESP_ITEMS_MAX 1000000

struct arena;
struct err;
struct resp_reader;

enum resp_kind { RESP_TEXT, RESP_STATUS, RESP_ERROR, RESP_NUMBER, RESP_NONE, RESP_LIST };

struct resp {
    enum resp_kind kind;
    struct str text;     /* of TEXT, STATUS and ERROR */
    int64_t number;      /* of NUMBER */
    struct resp **items; /* of LIST: [n], none of them NULL */
    size_t n;
};

MUST_USE struct resp_reader *resp_reader_new(struct arena *a);
void resp_reader_free(struct resp_reader *r); /* NULL is fine */

MUST_USE int resp_feed(struct resp_reader *r, const char *p, size_t n, struct err *err);
/* The next whole reply; *out NULL: feed more. */
MUST_USE int resp_next(struct resp_reader *r, const struct resp **out, struct err *err);

#endif
