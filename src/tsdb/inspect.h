/* inspect: looks into a data directory without running it: `earshot tsdb stat|verify|dump DIR`.
 *
 * Works on a directory opened read-only (fs_open_dir), also beside a running earshot: blocks never
 * change, and the log's newest record may then be seen half written, which counts as a torn tail.
 *
 * Threads: none of its own.
 */
#ifndef TSDB_INSPECT_H
#define TSDB_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

struct arena;
struct err;
struct fs;
struct matcher;

enum { INSPECT_SECTIONS = 7 };
/* "groups", "data", ...: what inspect_block.section_bytes[i] is of. */
extern const char *const inspect_section_names[INSPECT_SECTIONS];

struct inspect_block {
    const char *name;
    uint64_t bytes, samples, series, groups;
    ts_ms mint, maxt;
    uint32_t generation, parents;
    bool side;
    uint64_t section_bytes[INSPECT_SECTIONS];
    const char *error; /* NULL: it could be opened (and verified) */
};

struct inspect_log {
    const char *name;
    uint64_t bytes;
};

struct inspect_report {
    struct inspect_block *blocks; /* by name */
    size_t blocks_n;
    struct inspect_log *logs; /* segments of the write-ahead log */
    size_t logs_n;
    uint64_t samples, block_bytes, log_bytes; /* sums */
    /* Of block_bytes: what samples' times, their values (and where those are), and the labels cost.
     */
    uint64_t timestamp_bytes, value_bytes, label_bytes;
    size_t damaged; /* blocks, stretches of the log and of the file of deletes */
    /* Deletes that are applied when samples are read (dump does); of inspect_stat those in their
     * file, of inspect_verify also those that only the log has yet. */
    size_t deletes;
    /* Of inspect_verify only: */
    uint64_t log_records, torn_tails, lost_records;
};

/* Opens each block (header and footer) and lists the log. Fails only when the directory cannot be
 * read. */
MUST_USE int inspect_stat(struct fs *fs, struct arena *a, struct inspect_report *out,
                          struct err *err);
/* And checks every checksum and every record. */
MUST_USE int inspect_verify(struct fs *fs, struct arena *a, struct inspect_report *out,
                            struct err *err);

/* Takes the next piece of text; -1 stops. */
typedef int (*inspect_write)(void *arg, struct str text, struct err *err);

/* The samples in [mint, maxt] of the series that match (matchers_n 0: all) in all blocks, merged,
 * less what is deleted,
 * as OpenMetrics text, series in label order. What is only in the log is not in it, nor are
 * staleness markers, which the format cannot say. With a block that cannot be read, the others are
 * written, without the "# EOF" of a whole text, and it fails with ERR_CORRUPT. */
MUST_USE int inspect_dump(struct fs *fs, const struct matcher *matchers, size_t matchers_n,
                          ts_ms mint, ts_ms maxt, inspect_write write, void *arg, struct err *err);

#endif
