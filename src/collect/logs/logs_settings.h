/* logs_settings: one entry of collect.logs: which log, how its lines are read, what is counted.
 *
 * Filled by config/entry_logs.c, which finds every mistake.
 *
 * Ownership: everything lives in the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_LOGS_LOGS_SETTINGS_H
#define COLLECT_LOGS_LOGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "collect/logs/quantity.h"
#include "collect/logs/record.h"
#include "collect/logs/severity.h"

struct zone;

#define LOGS_HISTOGRAM_LABELS_MAX 8
#define LOGS_BUCKETS_MAX          64

/* A field of the line, the whole of which matches. `level` and `message` are those of any line. */
struct logs_match {
    struct str field, pattern;
};

struct logs_value {
    struct str field;
    enum quantity_unit unit;
};

struct logs_histogram {
    struct str metric, field;
    enum quantity_unit unit;
    const double *buckets; /* [buckets_n], ascending, finite */
    size_t buckets_n;
    const struct str *labels; /* [labels_n]: fields */
    size_t labels_n;
};

/* The entry tells of the end of a job. Names of groups or fields; n 0: it does not say. */
struct logs_job {
    struct str took; /* how long it ran */
    enum quantity_unit unit;
    struct str id, model;
};

struct logs_pattern {
    struct str event;
    struct str match;                /* on the message, or with `all` on the whole entry */
    const struct logs_match *fields; /* [fields_n]; instead of match */
    size_t fields_n;
    enum severity severity; /* SEVERITY_NONE: that of the line */
    const struct logs_value *values;
    size_t values_n;
    const struct logs_histogram *histogram; /* NULL: none */
    const struct logs_histogram *counter;   /* without field and buckets; NULL: none */
    const struct logs_job *job;             /* NULL: none */
    bool all, go_on;
};

enum logs_kind { LOGS_FILES, LOGS_JOURNAL, LOGS_CONTAINER, LOGS_SYSLOG };

struct logs_settings {
    const char *name;
    enum logs_kind kind;
    const char *place; /* the unit, the container's name, the address of syslog */
    unsigned line;     /* of the configuration's file, where that address stands */
    /* Absolute: glob(7) of files. Else a folder, of journal files or of the containers' engine; n
     * 0: where they are kept. */
    struct str path;
    enum log_format format;
    bool from_beginning;     /* of files that are there at the first start */
    bool store;              /* its entries are kept */
    struct str time;         /* the field that has it; n 0: one of the usual */
    const struct zone *zone; /* of times without one; NULL: this host's */
    size_t line_max;
    struct str multiline, exclude; /* RE2; n 0: none */
    const struct log_level_word *levels;
    size_t levels_n;
    const struct logs_pattern *patterns;
    size_t patterns_n;
};

#endif
