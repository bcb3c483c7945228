/* reload: the configuration read again while the server runs, all or nothing.
 *
 * Reading and checking is a lane's; what was read is handed to `accept` on the loop, which cannot
 * fail. One at a time: who asks while files are being read waits for another reading after it, as
 * they may have been changed since; all who wait share that one.
 *
 * Reading may hang (a dead network mount, a FIFO): after 30 s all who wait are refused, and who
 * asks from then on is refused at once, until the reading has come back. What it brings is too old
 * then.
 *
 * Threads: the loop's; `read` on a lane.
 */
#ifndef CLI_RELOAD_H
#define CLI_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;
struct lanes;
struct loop;
struct reload;

struct reload_context {
    struct loop *loop;
    struct lanes *lanes;
    int64_t hang_ms;  /* 0: 30 s */
    const char *what; /* is read, for people: "p.yml"; borrowed */
    /* Reads and checks everything. On -1 `errors` holds every mistake found ([*errors_n], heap). */
    MUST_USE int (*read)(void *arg, void **out, struct err **errors, size_t *errors_n);
    /* Exactly one of these follows, on the loop; the first two take over what was read. */
    void (*accept)(void *arg, void *loaded);
    void (*discard)(void *arg, void *loaded); /* the server ends, or it took too long */
    void (*refuse)(void *arg, const struct err *errors, size_t errors_n);
    void *arg;
};

MUST_USE struct reload *reload_new(const struct reload_context *context);
/* `done` (NULL: nobody is told), perhaps before this returns. Of a refusal, `text` is a line for
 * each mistake, borrowed until `done` returns. */
void reload_ask(struct reload *r, void (*done)(void *arg, bool accepted, struct str text),
                void *arg);
/* Nothing is accepted any more; who asks is refused. */
void reload_stop(struct reload *r);
void reload_free(struct reload *r); /* after lanes_free; NULL is fine */

#endif
