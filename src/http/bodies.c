#include "http/bodies.h"

#include "base/mem.h"

#define LARGE_SHARE 32 /* an answer that has more than this part of all is large */

struct bodies *bodies_new(void)
{
    struct bodies *b = mem_new(struct bodies);

    atomic_init(&b->used, 0);
    atomic_init(&b->max, BODIES_MAX);
    atomic_init(&b->refs, 1);
    return b;
}

struct bodies *bodies_ref(struct bodies *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void bodies_unref(struct bodies *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        mem_free(b);
}

bool bodies_charge(struct bodies *b, size_t charged)
{
    size_t max = atomic_load_explicit(&b->max, memory_order_relaxed);
    size_t allowed = charged > max / LARGE_SHARE ? max / 4 * 3 : max;

    if (atomic_fetch_add_explicit(&b->used, BODIES_STEP, memory_order_relaxed) + BODIES_STEP <=
        allowed)
        return true;
    bodies_return(b, BODIES_STEP);
    return false;
}

void bodies_return(struct bodies *b, size_t bytes)
{
    atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
}
