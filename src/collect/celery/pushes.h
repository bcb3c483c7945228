/* pushes: what a Redis says on a connection that has subscribed, message by message.
 *
 * Each is a list of texts and numbers (RESP2): pmessage, pattern, channel, payload; psubscribe,
 * pattern, how many; pong and an empty text. An error is a text by itself.
 *
 * Bytes come in as they are read; a message is borrowed from them and copied nowhere, so a flood of
 * events takes no memory. (resp.c builds trees, which stay until a whole cycle is over.)
 *
 * Errors: what is no such message, or one of more than PUSHES_BYTES_MAX bytes.
 */
#ifndef COLLECT_CELERY_PUSHES_H
#define COLLECT_CELERY_PUSHES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

#define PUSHES_PARTS_MAX 4
#define PUSHES_BYTES_MAX (4u << 20)

struct err;

struct pushes {
    struct buf in;
    size_t at; /* what stands before was taken */
};

struct push {
    bool is_error; /* parts[0] is what the server says */
    struct str parts[PUSHES_PARTS_MAX];
    size_t n;
};

void pushes_init(struct pushes *p);
void pushes_fini(struct pushes *p);
/* Room for some bytes; *cap of them. Tell with pushes_fed how many there are. Ends the life of the
 * messages before. */
char *pushes_room(struct pushes *p, size_t *cap);
void pushes_fed(struct pushes *p, size_t n);
/* The next whole message; *there false: feed more. */
MUST_USE int pushes_next(struct pushes *p, struct push *out, bool *there, struct err *err);

#endif
