#include "sys/clock.h"

#include <time.h>

static ts_ms real_wall_ms(const struct clock *c)
{
    struct timespec t;

    (void)c;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (ts_ms)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_mono_ns(const struct clock *c)
{
    struct timespec t;

    (void)c;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

const struct clock *clock_real(void)
{
    static const struct clock real = {real_wall_ms, real_mono_ns};

    return &real;
}
