/* record: one entry of a log, taken apart: its time, level, message and fields.
 *
 * An entry is a line and the lines that belong to it (splitter.h). Three forms are known:
 *
 *   json    {"ts": "...", "level": "info", "msg": "...", "a": {"b": 1}}   fields ts, level, msg,
 * a.b logfmt  time=... level=info msg="..." a=1 text    2025-03-04 08:00:01,204 INFO worker[2214]:
 * ...                a time and a level in front
 *
 * What is none of these, JSON that is torn among it, is text without a time or level.
 *
 * Ownership: all views point into the text or into the arena given. Threads: any.
 */
#ifndef COLLECT_LOGS_RECORD_H
#define COLLECT_LOGS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "collect/logs/severity.h"

struct arena;

#define LOG_FIELDS_MAX 64 /* further ones are not read */

struct log_field {
    struct str name, value;
    bool plain; /* in JSON without quotes: a number, true, false */
};

struct log_record {
    struct str time;     /* as written; n 0: none */
    enum severity level; /* SEVERITY_NONE: it does not say */
    bool structured;     /* json or logfmt */
    struct str message;  /* of its first line, without time and level */
    struct str text;     /* all its lines, as they stand in the file */
    struct log_field fields[LOG_FIELDS_MAX];
    size_t fields_n; /* 0 for text */
};

enum log_format { LOG_AUTO, LOG_JSON, LOG_LOGFMT, LOG_TEXT };

/* A word that this log has for a level. */
struct log_level_word {
    struct str word;
    enum severity severity;
};

struct log_reading {
    enum log_format format;
    const struct log_level_word *words; /* [words_n], before the known ones */
    size_t words_n;
    struct str time; /* the field that has the time; n 0: one of the usual */
};

/* `text` without the newline at its end. */
void log_record_read(const struct log_reading *reading, struct str text, struct arena *a,
                     struct log_record *out);
/* p NULL: it has no such field. */
struct str log_record_field(const struct log_record *r, struct str name);

#endif
