/* db_fixture: a store in memory for tests: commits that wait for their end, and reading back.
 *
 * The file system is fs_fault's; a copy of it can be opened again as after a kill -9.
 */
#ifndef TSDB_DB_FIXTURE_H
#define TSDB_DB_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "model/sample.h"
#include "model/sink.h"
#include "tsdb/db.h"

struct fs;

#define FIXTURE_T0         INT64_C(1700000000000)
#define FIXTURE_EXEMPLARS  100000
#define FIXTURE_DISK_BYTES (8u << 20) /* small, so that the reserve is */

struct db_fixture {
    struct fs *fs; /* the db's */
    struct db *db;
    struct manual_clock clock;
    struct budget budget;
    struct arena a;
    int64_t late_window_ms;
    size_t series_max; /* 0: the store's */
    bool sync_each_commit;
    bool any_age; /* of what is pushed */
};

/* fs NULL: a new one. */
void db_fixture_open(struct db_fixture *f, struct fs *fs);
/* -1 when db_open failed; the fs is freed then. */
int db_fixture_try_open(struct db_fixture *f, struct fs *fs, struct err *err);
void db_fixture_close(struct db_fixture *f);
/* What a kill -9 leaves: all files as they are now. The fixture goes on. */
struct fs *db_fixture_copy(struct db_fixture *f);
/* kill -9 and start again. */
void db_fixture_restart(struct db_fixture *f);

/* "name{a=\"b\"}" without escapes: for tests. */
const struct labels *db_fixture_labels(struct db_fixture *f, const char *text);

/* Commits a batch of which `done` is not set, and waits for its end. */
void db_fixture_commit(struct db_fixture *f, struct sink_batch *b);

struct fixture_row {
    const char *series;
    ts_ms ts;
    double value;
};
/* Resolves and commits rows; returns the batch as answered. */
struct sink_batch db_fixture_push(struct db_fixture *f, const struct fixture_row *rows, size_t n);
/* One sample; returns the verdict, the outcome in *outcome (NULL: must be written and OK). */
enum sink_verdict db_fixture_put(struct db_fixture *f, const char *series, ts_ms ts, double value,
                                 enum sink_outcome *outcome);

/* A pull group with series of these names; NAN-free values; absent: the staleness NaN. */
struct fixture_pull {
    struct sink_group *group;
    const char *const *names;
    size_t n;
    struct sink_ref *refs;
    /* Go along with each commit; none after pull_open. */
    const uint64_t *changed; /* the batch's hint; its slots are those of the store */
    const struct sink_exemplar *exemplars;
    size_t exemplars_n;
    const struct metadata *metadata;
    size_t metadata_n;
};
void db_fixture_pull_open(struct db_fixture *f, struct fixture_pull *p, const char *key,
                          const char *const names[], size_t n);
void db_fixture_pull_close(struct db_fixture *f, struct fixture_pull *p);
/* Resolves again when the batch ends STALE. */
struct sink_batch db_fixture_pull(struct db_fixture *f, struct fixture_pull *p, ts_ms ts,
                                  const double values[]);

/* All samples of the series selected by name=value (name "" : __name__) in [mint, maxt], as
 * "name{..}: ts value, ts value\n" with times relative to FIXTURE_T0 in seconds. Fixture's arena.
 * Fails the test when the columns handed out are not what they should be. */
const char *db_fixture_read(struct db_fixture *f, const char *value, ts_ms mint, ts_ms maxt);
const char *db_fixture_read_all(struct db_fixture *f, const char *value);
/* All samples of all series, in the fixture's arena. */
size_t db_fixture_samples(struct db_fixture *f, struct fixture_row **out);
size_t db_fixture_warnings(struct db_fixture *f);

#endif
