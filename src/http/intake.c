#include "http/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/bodies.h"

#define FIRST_BYTES  (16u << 10)
#define BELIEVED_MAX (16u << 20) /* how much of an announced length is believed in advance */

void intakes_fini(struct intakes *all)
{
    mem_free(all->items);
}

void intake_init(struct intake *in, struct bodies *bodies, size_t max)
{
    *in = (struct intake){.max = max, .bodies = bodies_ref(bodies)};
}

void intake_fini(struct intake *in)
{
    intake_drop(in);
    bodies_unref(in->bodies);
}

void intake_enter(struct intake *in, struct intakes *all)
{
    all->items = mem_grow(all->items, &all->cap, all->n + 1, sizeof(struct intake *));
    in->among = all;
    in->at = all->n;
    all->items[all->n++] = in;
}

void intake_leave(struct intake *in)
{
    struct intakes *all = take(in->among);

    if (!all)
        return;
    all->items[in->at] = all->items[--all->n];
    all->items[in->at]->at = in->at;
}

void intake_drop(struct intake *in)
{
    free(take(in->p));
    in->n = in->cap = 0;
    bodies_return(in->bodies, in->charged);
    in->charged = 0;
}

static void give_way(struct intake *in)
{
    in->crowded = true;
    in->lost = in->n;
    intake_drop(in);
}

/* Makes `need` bytes count. False: it was itself the largest, and has given way. */
static bool charge(struct intake *in, size_t need)
{
    while (need > in->charged + BODIES_STEP) {
        struct intake *largest = in;

        if (bodies_charge(in->bodies, in->charged)) {
            in->charged += BODIES_STEP;
            continue;
        }
        for (size_t i = 0; i < in->among->n; i++)
            if (in->among->items[i]->charged > largest->charged)
                largest = in->among->items[i];
        give_way(largest);
        if (largest == in)
            return false;
    }
    return true;
}

static int make_room(struct intake *in, size_t need, size_t expected)
{
    size_t cap = in->cap ? in->cap : FIRST_BYTES;
    char *p;

    if (need <= in->cap)
        return 0;
    if (!in->cap && expected > cap && expected <= BELIEVED_MAX)
        cap = expected;
    while (cap < need)
        cap *= 2;
    if (cap > in->max + 1 && need <= in->max)
        cap = in->max + 1;
    p = realloc(in->p, cap);
    if (!p)
        return -1;
    in->p = p;
    in->cap = cap;
    return 0;
}

int intake_add(struct intake *in, struct str piece, size_t expected)
{
    if (in->crowded)
        return -1;
    if (piece.n > in->max - in->n) {
        in->too_large = true;
        return -1;
    }
    if (!charge(in, in->n + piece.n))
        return -1;
    if (make_room(in, in->n + piece.n, expected) < 0) {
        in->no_memory = true;
        return -1;
    }
    if (piece.n && piece.p != in->p + in->n)
        memcpy(in->p + in->n, piece.p, piece.n);
    in->n += piece.n;
    return 0;
}

char *intake_room(const struct intake *in, size_t *n)
{
    *n = in->cap - in->n;
    return *n ? in->p + in->n : NULL;
}

char *intake_take(struct intake *in, size_t *n)
{
    *n = in->n;
    if (in->p && in->cap - in->n > in->n / 8)
        in->p = mem_realloc(in->p, in->n ? in->n : 1); /* it may be kept for long */
    in->n = in->cap = 0;
    bodies_return(in->bodies, in->charged);
    in->charged = 0;
    return take(in->p);
}
