/* near: GET requests to places that are an address of this machine or its own network, straight
 * from the loop over kept connections: no other thread, no library between the socket and the
 * parser. A scrape of a neighbour costs half of what it costs by way of libcurl.
 *
 * It takes what is plain: http, an address in figures or "localhost". An answer that is not plain
 * (a redirect, a coded body) ends NEAR_UNUSUAL, and so does "localhost" where nothing listens on
 * 127.0.0.1: ask again by way of libcurl, which knows all of it.
 *
 * Threads: the loop's.
 */
#ifndef HTTP_NEAR_H
#define HTTP_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "http/answer.h"
#include "http/intake.h"

struct loop;
struct near;
struct near_conn;

enum near_end { NEAR_ANSWERED, NEAR_UNUSUAL, NEAR_FAILED };

struct near_request {
    /* The caller's. */
    const char *url;            /* must stay until the end */
    const char *const *headers; /* "Name: value" [headers_n]; read by near_start alone */
    size_t headers_n;
    int64_t timeout_ms;
    bool follow_redirects; /* one ends NEAR_UNUSUAL, instead of being an answer */
    struct intake *body;
    void (*done)(struct near_request *r, enum near_end end); /* never within near_start */

    /* Of the answer. */
    struct answer answer;
    struct err err;         /* NEAR_FAILED */
    struct near_conn *conn; /* NULL: not under way */
};

struct near *near_new(struct loop *loop);
void near_free(struct near *n); /* no request may be under way */

/* False: not for this way; nothing has happened. */
MUST_USE bool near_start(struct near *n, struct near_request *r);
void near_cancel(struct near_request *r); /* `done` will not be called */

#endif
