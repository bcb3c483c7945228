/* intake: what has come of one answer's body, in a buffer that is kept to three bounds: its own,
 * that of all answers together (bodies.h), and the heap's.
 *
 * Where all answers together take too much, the largest of those on the same thread gives way: it
 * loses what it has at once, and its next intake_add fails.
 *
 * Threads: one at a time. Those of one `intakes` are on one thread.
 */
#ifndef HTTP_INTAKE_H
#define HTTP_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct bodies;
struct intake;

/* Those under way on one thread. */
struct intakes {
    struct intake **items;
    size_t n, cap;
};

struct intake {
    char *p; /* owned; [n] */
    size_t n, cap, max;
    struct bodies *bodies; /* a reference */
    size_t charged;        /* there */
    struct intakes *among; /* NULL: not under way */
    size_t at;             /* its place there */
    /* Why it ended early; `lost` bytes had come then. */
    bool too_large, no_memory, crowded;
    size_t lost;
};

void intakes_fini(struct intakes *all);

void intake_init(struct intake *in, struct bodies *bodies, size_t max);
void intake_fini(struct intake *in); /* not while it is under way */
void intake_enter(struct intake *in, struct intakes *all);
void intake_leave(struct intake *in); /* nothing when it is not under way */

/* Adds a piece; the whole answer is said to have `expected` bytes (0: not known). -1: one of the
 * flags says why. */
MUST_USE int intake_add(struct intake *in, struct str piece, size_t expected);
/* Room for *n bytes (at most; more than 0) behind what has come, so that a piece can be read in its
 * place: intake_add then copies nothing. NULL: none to be had without growing. */
char *intake_room(const struct intake *in, size_t *n);
/* Forgets what has come. */
void intake_drop(struct intake *in);
/* What has come: the caller's from here on, mem_free. NULL: nothing was. */
char *intake_take(struct intake *in, size_t *n);

#endif
