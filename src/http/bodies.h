/* bodies: the memory that all answers under way, or not freed yet, may take together.
 *
 * Many peers may send more than they should at once. A bound on each answer does not help then, and
 * a bound on all must not let the large ones starve the small: what an answer takes first is never
 * refused, and the last quarter is kept for those that are not large.
 *
 * Threads: any.
 */
#ifndef HTTP_BODIES_H
#define HTTP_BODIES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define BODIES_MAX  ((size_t)176 << 20) /* at first */
#define BODIES_STEP ((size_t)1 << 20)   /* what is charged at once; the first of each is free */

/* Shared by the fetcher and its fetches, which may live longer. */
struct bodies {
    atomic_size_t used, max, refs;
};

struct bodies *bodies_new(void);
struct bodies *bodies_ref(struct bodies *b);
void bodies_unref(struct bodies *b); /* NULL is fine */
/* One step more for an answer that has `charged` bytes. False: somebody must give way. */
MUST_USE bool bodies_charge(struct bodies *b, size_t charged);
void bodies_return(struct bodies *b, size_t bytes);

#endif
