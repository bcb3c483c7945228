/* json_settings: one entry of collect.json: what is read from a JSON answer, and under which names.
 *
 * Filled by config/entry_json.c, which finds every mistake; run by json/mapping.h.
 *
 * Ownership: everything lives in the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_JSON_JSON_SETTINGS_H
#define COLLECT_JSON_JSON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "model/metadata.h"
#include "text/json_path.h"

struct zone;

#define JSON_LABELS_MAX 32 /* of one metric, the fields of count_by among them */

struct json_label {
    struct str name;
    enum json_label_from { JSON_LABEL_TEXT, JSON_LABEL_TOOK, JSON_LABEL_FIELD } from;
    struct str text;        /* JSON_LABEL_TEXT */
    size_t took;            /* JSON_LABEL_TOOK: 0 is $1 */
    struct json_path field; /* JSON_LABEL_FIELD, from the element on */
};

/* The whole text of the field matches; with `excludes`, it does not, or there is no field. */
struct json_match {
    struct json_path field; /* from the element on */
    struct str pattern;     /* RE2; compiles */
    bool excludes;
};

/* What becomes of what the path leads to. */
enum json_take {
    JSON_TAKE_NUMBER,     /* numbers, booleans, numbers as text */
    JSON_TAKE_TIME,       /* Unix seconds, or the age in seconds */
    JSON_TAKE_STATES,     /* one series a state, 1 at the one that it is in */
    JSON_TAKE_LABEL,      /* its text as a label, value 1 */
    JSON_TAKE_PRESENT,    /* 0 when null or missing, else 1 */
    JSON_TAKE_COUNT,      /* elements by their labels */
    JSON_TAKE_FIRST_SEEN, /* age of the oldest id, seconds */
    JSON_TAKE_ONCE,       /* counter of ids */
    JSON_TAKE_LEAVES,     /* each number below it, under the name and the keys to it */
};

enum json_time { JSON_TIME_ISO, JSON_TIME_UNIX, JSON_TIME_UNIX_MS };

struct json_metric {
    struct str name, help;
    enum metric_type type;
    enum json_take take;
    struct json_path path;
    const struct json_label *labels; /* [labels_n]; of JSON_TAKE_COUNT its fields too */
    size_t labels_n;
    const struct json_match *where; /* [where_n], all of them */
    size_t where_n;
    double scale, per;   /* JSON_TAKE_NUMBER: times scale, over per; else 1 */
    enum json_time time; /* JSON_TAKE_TIME */
    bool age;
    const struct str *states; /* [states_n]; JSON_TAKE_STATES */
    size_t states_n;
    struct str label;    /* JSON_TAKE_LABEL */
    struct json_path id; /* JSON_TAKE_FIRST_SEEN, JSON_TAKE_ONCE; from the element on */
};

struct json_expect {
    struct json_path path; /* without * */
    bool is_pattern;       /* else the very text */
    struct str text;
};

/* 1 when the HTTP status is 2xx, else 0, whatever the body is. */
struct json_ok {
    struct str name, help;
};

struct json_settings {
    const char *name;                  /* of the entry */
    const struct json_metric *metrics; /* [metrics_n] */
    size_t metrics_n;
    const struct json_ok *oks; /* [oks_n] */
    size_t oks_n;
    const struct json_expect *expect; /* [expect_n] */
    size_t expect_n;
    const struct zone *zone; /* of times without one; NULL: this host's */
    /* Read instead of an answer; NULL: none. */
    const char *file;
    bool follow; /* the lines it grows by; else one value, read anew each time */
    bool has_time;
    struct json_path time; /* where a line says when it was written; without * */
};

#endif
