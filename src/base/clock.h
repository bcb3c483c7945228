/* clock: what time it is, as an argument.
 *
 * Code takes a `const struct clock *` and never asks the kernel, so a seeded test can replay a day
 * in seconds. sys/clock.h has the real one; tests set the two fields of a `struct manual_clock`.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since the Unix epoch, the unit of every stored timestamp. May be negative. */
typedef int64_t ts_ms;

/* Times beyond this (285,000 years) are refused at every door: sums of two stay far from overflow.
 */
#define TS_MS_MAX INT64_C(9000000000000000)

struct clock {
    ts_ms (*wall_ms)(const struct clock *c);
    int64_t (*mono_ns)(const struct clock *c); /* never goes back; origin unspecified */
};

struct manual_clock {
    struct clock clock;    /* first: cast from struct clock */
    _Atomic ts_ms wall_ms; /* threads of what is tested may ask while the test sets */
    _Atomic int64_t mono_ns;
};

void manual_clock_init(struct manual_clock *c, ts_ms wall_ms);
/* Moves both clocks on by `ms`. */
void manual_clock_advance(struct manual_clock *c, int64_t ms);

#endif
