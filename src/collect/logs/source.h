/* source: where the entries of a log come from: files, the journal, a container, syslog.
 *
 * A source remembers how far it has been read, as members of an object that the collector keeps in
 * the data directory (collector.h). The first pass in which there is something only takes note of
 * where it begins, so that its events count from 0.
 *
 * Threads: one at a time. It may hang.
 */
#ifndef COLLECT_LOGS_SOURCE_H
#define COLLECT_LOGS_SOURCE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/logs/severity.h"

struct clock;
struct err;
struct json_t;
struct json_writer;
struct log;
struct log_field;
struct logs_settings;
struct receiver;
struct regex;

/* An entry and what is known of it beside its text. Views hold until the call returns. */
struct log_entry {
    struct str text;                /* without the newline at its end */
    int64_t time_ms;                /* of its first line, since 1970; 0: not known */
    enum severity level;            /* for a text that says none; SEVERITY_NONE: not known either */
    const struct log_field *fields; /* [fields_n], behind those that the text has */
    size_t fields_n;
};

struct source_pass {
    const struct clock *clock;
    struct log *log;
    int64_t until_ns;        /* monotonic: then the rest waits for the next pass */
    const atomic_bool *stop; /* set: the same; NULL: nobody sets it */
    void (*entry)(void *arg, const struct log_entry *entry);
    /* All entries told so far stand before the place that `write` writes; NULL: nobody asks. Called
     * each quarter of a megabyte or so. */
    void (*settled)(void *arg);
    void *arg;
};

/* Whoever ends because of it leaves a rest. */
bool source_pass_is_over(const struct source_pass *pass);

/* What the passes read and left out, since the start of the program. */
struct source_counts {
    uint64_t bytes, cut, lost_files, left_out_files, unread_files, lost_messages,
        refused_connections;
};

struct log_source {
    /* Reads what has come. On failure (ERR_OS, ERR_EVAL: nothing can be read, and why) what could
     * be read has been told all the same. */
    MUST_USE int (*read)(void *arg, const struct source_pass *pass, struct err *err);
    struct source_counts (*counts)(const void *arg);
    /* Members of an object that is open; and from one. NULL: there is no position. */
    void (*write)(const void *arg, struct json_writer *w);
    void (*load)(void *arg, const struct json_t *root);
    void (*free)(void *arg); /* NULL is fine */
    void *arg;
};

/* All borrowed; `begins` as in splitter.h; `receiver` of LOGS_SYSLOG, else NULL. */
void source_make(const struct logs_settings *settings, const struct regex *begins,
                 struct receiver *receiver, struct log_source *out);

#endif
