#include "base/clock.h"

#include <stddef.h>

static ts_ms manual_wall_ms(const struct clock *c)
{
    return ((const struct manual_clock *)c)->wall_ms;
}

static int64_t manual_mono_ns(const struct clock *c)
{
    return ((const struct manual_clock *)c)->mono_ns;
}

_Static_assert(offsetof(struct manual_clock, clock) == 0, "cast from struct clock");

void manual_clock_init(struct manual_clock *c, ts_ms wall_ms)
{
    c->clock = (struct clock){manual_wall_ms, manual_mono_ns};
    c->wall_ms = wall_ms;
    c->mono_ns = 1000000000;
}

void manual_clock_advance(struct manual_clock *c, int64_t ms)
{
    c->wall_ms += ms;
    c->mono_ns += ms * 1000000;
}
