/* run: one pass of the host collector, as its groups see it: what to read from, where to write to.
 *
 * A group is a function `name_collect(struct host_run *)` in name.c, listed in groups.def. It reads
 * through host_read*, which settle what a missing or unreadable file means, and writes through
 * host_family and host_sample*: after the first refusal of the emit the rest is skipped silently,
 * so a group needs no error paths of its own.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_HOST_RUN_H
#define COLLECT_HOST_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "collect/host/files.h"
#include "collect/host/scan.h"
#include "model/labels.h"
#include "model/metadata.h"

struct emit;
struct host_units;
struct log;
struct regex;

/* What the configuration decides, compiled. */
struct host_filters {
    struct regex *mounts, *fs, *disks, *nets; /* owned; what matches is left out */
    bool mounts_default;
};

#define HOST_FAMILY_MAX 160

struct host_run {
    struct files *files;
    struct arena *scratch; /* until the end of the pass */
    struct emit *emit;
    struct err *err;
    bool stopped; /* the emit refused: nothing more is written */
    const struct host_filters *filters;
    const struct clock *clock;
    struct log *log;
    const char *textfile_dir; /* as host_settings */
    size_t top;
    const struct host_units *units;
    int64_t answer_ms; /* as host_settings */
    bool psi;
    bool far; /* as host_settings */

    /* Of the group under way. */
    void **state; /* kept between passes; freed by the group's own function */
    bool present; /* one of its files was there */
    bool broken;  /* one of its files could not be read or understood */
    bool quiet;   /* it was broken in the pass before: do not log again */
    const char *group;

    struct str family;                 /* name given to host_family last */
    char family_name[HOST_FAMILY_MAX]; /* storage of a name that was put together */
    char family_help[HOST_FAMILY_MAX * 2];
};

/* True: *out holds the text. False: the file is not there, or is broken and has been reported. */
bool host_read(struct host_run *r, enum files_root root, const char *path, struct str *out);
/* An attribute of a device, trimmed. False for any reason: drivers refuse their own attributes in
 * many ways, and that is no fault. */
bool host_attr(struct host_run *r, int dir, const char *name, struct str *out);
bool host_attr_u64(struct host_run *r, int dir, const char *name, uint64_t *out);
bool host_attr_i64(struct host_run *r, int dir, const char *name, int64_t *out);
/* As host_read for a file that holds one number. */
bool host_read_u64(struct host_run *r, enum files_root root, const char *path, uint64_t *out);
/* A copy in scratch; empty when the budget is used up (then the pass has stopped). */
struct str host_keep(struct host_run *r, struct str s);
/* Room for n zeroed items in scratch; NULL when stopped. */
void *host_array(struct host_run *r, size_t n, size_t size);
#define host_new_array(r, type, n) ((type *)host_array((r), (n), sizeof(type)))

/* Names in a directory below `root`; *dir is kept open by files. False: there is none. */
bool host_list(struct host_run *r, enum files_root root, const char *path, int *dir,
               struct files_entry **out, size_t *n);

/* "PATH: what": logged once, shown as earshot_host_collector_success 0. */
void host_broken(struct host_run *r, enum files_root root, const char *path, const char *what);
/* The same for a path that is below no root. */
void host_broken_at(struct host_run *r, const char *path, const char *what);
/* Reports a file whose last line is cut. */
void host_check_end(struct host_run *r, enum files_root root, const char *path, struct str rest);

/* Name and help must stay until the last sample of the family. */
void host_family(struct host_run *r, enum metric_type type, const char *name, const char *help);
/* The same for names that come from the kernel: prefix + key + suffix. What a metric name cannot
 * hold becomes '_'. */
void host_family_join(struct host_run *r, enum metric_type type, struct str prefix, struct str key,
                      struct str suffix, const char *help_before, struct str help_key,
                      const char *help_after);

void host_sample(struct host_run *r, double value, struct label labels[], size_t n);
void host_sample0(struct host_run *r, double value);
void host_sample1(struct host_run *r, double value, const char *name, struct str label);
void host_sample2(struct host_run *r, double value, const char *name1, struct str label1,
                  const char *name2, struct str label2);
/* One family, one sample without labels. */
void host_value(struct host_run *r, enum metric_type type, const char *name, const char *help,
                double value);

#endif
