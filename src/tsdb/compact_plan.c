#include "base/clock.h"
#include "tsdb/block.h"
#include "tsdb/compact.h"

static ts_ms day_of(ts_ms t)
{
    ts_ms day = t / COMPACT_RANGE_MS;

    return t % COMPACT_RANGE_MS < 0 ? day - 1 : day;
}

static bool is_over(struct block *const blocks[], size_t n, ts_ms day)
{
    for (size_t i = 0; i < n; i++)
        if (!block_meta(blocks[i])->side && day_of(block_meta(blocks[i])->mint) > day)
            return true;
    return false;
}

/* The blocks within [*mint, *maxt], or overlapping it, which widens it to whole days. Returns how
 * many; COMPACT_BLOCKS_MAX + 1 when they are too many. */
static size_t gather(struct block *const blocks[], size_t n, ts_ms *first_day, ts_ms *last_day,
                     size_t out[COMPACT_BLOCKS_MAX])
{
    size_t count = 0, before;

    do {
        before = count;
        count = 0;
        for (size_t i = 0; i < n; i++) {
            const struct block_meta *m = block_meta(blocks[i]);

            if (day_of(m->maxt) < *first_day || day_of(m->mint) > *last_day)
                continue;
            if (count == COMPACT_BLOCKS_MAX)
                return COMPACT_BLOCKS_MAX + 1;
            out[count++] = i;
            if (day_of(m->mint) < *first_day)
                *first_day = day_of(m->mint);
            if (day_of(m->maxt) > *last_day)
                *last_day = day_of(m->maxt);
        }
    } while (count != before);
    return count;
}

static bool any_damaged(struct block *const blocks[], const size_t chosen[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (block_bad_pages(blocks[chosen[i]]))
            return true;
    return false;
}

size_t compact_plan(struct block *const blocks[], size_t n, bool force,
                    size_t out[COMPACT_BLOCKS_MAX])
{
    for (size_t i = 0; i < n; i++) {
        ts_ms first_day = day_of(block_meta(blocks[i])->mint);
        ts_ms last_day = day_of(block_meta(blocks[i])->maxt);
        size_t count = gather(blocks, n, &first_day, &last_day, out);

        if (count < 2 || count > COMPACT_BLOCKS_MAX || any_damaged(blocks, out, count))
            continue;
        if (force || is_over(blocks, n, last_day))
            return count;
    }
    return 0;
}
