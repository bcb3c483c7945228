/* mapping: a JSON value becomes the series that an entry of collect.json names.
 *
 *   value -> path -> places -> where -> number | time | states | label | present | count | ids
 *
 * A path that is not there, or null, gives no sample; so does what is of the wrong kind (a text
 * where a number is expected), which is counted in `invalid`, and told once a metric.
 *
 * Errors: ERR_LIMIT of the emit. Threads: one at a time; the counts are read by any.
 */
#ifndef COLLECT_JSON_MAPPING_H
#define COLLECT_JSON_MAPPING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/clock.h"

struct arena;
struct emit;
struct err;
struct json_settings;
struct json_t;
struct log;
struct mapping;

/* Settings are borrowed. `invalid`: values of the wrong kind are added to it. */
MUST_USE int mapping_new(const struct json_settings *settings, struct log *log,
                         atomic_uint_fast64_t *invalid, struct mapping **out, struct err *err);
void mapping_free(struct mapping *m);

struct mapping_moment {
    ts_ms now;   /* for ages */
    bool has_ts; /* samples are of this moment, else of the cycle's */
};

/* When a line says it was written: ISO 8601, or Unix seconds or (from 10^11 on) milliseconds.
 * False: that is no time. `value` may be NULL. */
bool mapping_time(const struct mapping *m, const struct json_t *value, ts_ms *out);

/* Does any path lead to a value? An answer about an error has none of them. */
bool mapping_finds(const struct mapping *m, struct json_t *root);

/* What the settings expect of an answer, in words when it is otherwise (ERR_EVAL). */
MUST_USE int mapping_expect(const struct mapping *m, struct json_t *root, struct err *err);

/* Writes the families of `root`. */
MUST_USE int mapping_apply(struct mapping *m, struct json_t *root, struct mapping_moment moment,
                           struct emit *emit, struct arena *scratch, struct err *err);

#endif
