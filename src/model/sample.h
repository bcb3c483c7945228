/* sample: one value at one time, and the two NaNs that mean something.
 *
 * The bit patterns are Prometheus' (model/value in its source): a staleness marker ends a series
 * at that time; the ordinary NaN is the one its parsers produce.
 */
#ifndef MODEL_SAMPLE_H
#define MODEL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"

#define STALE_NAN_BITS  UINT64_C(0x7ff0000000000002)
#define NORMAL_NAN_BITS UINT64_C(0x7ff8000000000001)

struct sample {
    ts_ms ts;
    double value;
};

static inline uint64_t value_bits(double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline double value_of_bits(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline bool value_is_stale(double v)
{
    return value_bits(v) == STALE_NAN_BITS;
}

#endif
