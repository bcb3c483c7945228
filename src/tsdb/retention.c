#include "tsdb/retention.h"

static void look_at_clocks(struct retention *r, ts_ms wall_ms, int64_t mono_ms)
{
    if (r->seen) {
        int64_t apart = (wall_ms - r->wall_ms) - (mono_ms - r->mono_ms);

        if (apart > RETENTION_JUMP_MS || apart < -RETENTION_JUMP_MS) {
            r->jumped = true;
            r->jumped_mono_ms = mono_ms;
        }
    }
    r->seen = true;
    r->wall_ms = wall_ms;
    r->mono_ms = mono_ms;
}

static bool must_wait(const struct retention *r)
{
    return (r->jumped && r->mono_ms - r->jumped_mono_ms < RETENTION_AFTER_JUMP) ||
           (r->deleted && r->mono_ms - r->deleted_mono_ms < RETENTION_PAUSE_MS);
}

int retention_choose(struct retention *r, const struct clock *clock,
                     const struct retention_block blocks[], size_t n, ts_ms newest,
                     uint64_t other_bytes)
{
    size_t oldest = 0;
    uint64_t bytes = other_bytes;
    ts_ms now;
    bool too_old, too_much;

    look_at_clocks(r, clock->wall_ms(clock), clock->mono_ns(clock) / 1000000);
    if (!n || must_wait(r))
        return RETENTION_NONE;
    for (size_t i = 0; i < n; i++) {
        bytes += blocks[i].bytes;
        if (blocks[i].maxt < blocks[oldest].maxt)
            oldest = i;
    }
    now = newest < r->wall_ms ? newest : r->wall_ms;
    /* As a difference, so that no limit can overflow. */
    too_old = r->limit_ms > 0 && blocks[oldest].maxt < now &&
              (uint64_t)now - (uint64_t)blocks[oldest].maxt > (uint64_t)r->limit_ms;
    too_much = r->limit_bytes > 0 && bytes > r->limit_bytes;
    if (!too_old && !too_much)
        return RETENTION_NONE;
    r->deleted = true;
    r->deleted_mono_ms = r->mono_ms;
    return (int)oldest;
}
