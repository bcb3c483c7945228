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

static bool touches(const struct block *b, ts_ms first_day, ts_ms last_day)
{
    const struct block_meta *m = block_meta(b);

    return day_of(m->maxt) >= first_day && day_of(m->mint) <= last_day;
}

/* Widens the days until no block reaches across their ends; returns how many blocks they hold. */
static size_t widen(struct block *const blocks[], size_t n, ts_ms *first_day, ts_ms *last_day)
{
    size_t count = 0, before;

    do {
        before = count;
        count = 0;
        for (size_t i = 0; i < n; i++) {
            const struct block_meta *m = block_meta(blocks[i]);

            if (!touches(blocks[i], *first_day, *last_day))
                continue;
            count++;
            *first_day = day_of(m->mint) < *first_day ? day_of(m->mint) : *first_day;
            *last_day = day_of(m->maxt) > *last_day ? day_of(m->maxt) : *last_day;
        }
    } while (count != before);
    return count;
}

/* The blocks of these days; of too many those of the largest generations, since the successor's
 * will be larger than theirs and must not pass one that is left behind. */
static size_t choose(struct block *const blocks[], size_t n, ts_ms first_day, ts_ms last_day,
                     size_t out[COMPACT_BLOCKS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t generation = block_meta(blocks[i])->generation;
        size_t lowest = 0;

        if (!touches(blocks[i], first_day, last_day))
            continue;
        if (count < COMPACT_BLOCKS_MAX) {
            out[count++] = i;
            continue;
        }
        for (size_t k = 1; k < count; k++)
            if (block_meta(blocks[out[k]])->generation <
                block_meta(blocks[out[lowest]])->generation)
                lowest = k;
        if (block_meta(blocks[out[lowest]])->generation < generation)
            out[lowest] = i;
    }
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
        size_t count;

        if (widen(blocks, n, &first_day, &last_day) < 2 ||
            (!force && !is_over(blocks, n, last_day)))
            continue;
        count = choose(blocks, n, first_day, last_day, out);
        if (!any_damaged(blocks, out, count))
            return count;
    }
    return 0;
}

size_t compact_around(struct block *const blocks[], size_t n, size_t first,
                      size_t out[COMPACT_BLOCKS_MAX])
{
    ts_ms mint = block_meta(blocks[first])->mint, maxt = block_meta(blocks[first])->maxt;
    size_t count = 0, before;

    do {
        before = count;
        count = 0;
        for (size_t i = 0; i < n; i++) {
            const struct block_meta *m = block_meta(blocks[i]);

            if (m->mint > maxt || m->maxt < mint)
                continue;
            if (count == COMPACT_BLOCKS_MAX)
                return 0;
            out[count++] = i;
            mint = m->mint < mint ? m->mint : mint;
            maxt = m->maxt > maxt ? m->maxt : maxt;
        }
    } while (count != before);
    return any_damaged(blocks, out, count) ? 0 : count;
}
