/* frame: where a request ends, by llhttp, after head.h has checked its head.
 *
 * A second reader of the same bytes: when it sees other framing than we did, the request is
 * refused. Chunk extensions and trailers are refused too: no client of ours needs them.
 *
 * Threads: one at a time.
 */
#ifndef HTTP_FRAME_H
#define HTTP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

#define FRAME_PARSER_BYTES 128

struct frame {
    _Alignas(16) unsigned char parser[FRAME_PARSER_BYTES]; /* an llhttp_t */
    int (*on_body)(void *arg, struct str piece, struct err *err);
    void *arg;
    struct err *err;
    size_t idle_bytes; /* framing since the last byte of body */
    bool had_body, headed, whole, failed, odd;
};

/* Starts with a head that head_parse has let through. -1: llhttp disagrees. f->whole: it has no
 * body. */
MUST_USE int frame_start(struct frame *f, struct str head, bool chunked, uint64_t length,
                         struct err *err);
/* Goes on with what follows; *used says how much of `in` belongs to this request. Stops when
 * f->whole. -1: bad framing (ERR_SYNTAX), or what on_body said. */
MUST_USE int frame_feed(struct frame *f, struct str in, size_t *used, struct err *err);

#endif
