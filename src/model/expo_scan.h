/* expo_scan: the pieces both exposition parsers are made of.
 *
 * A scanner walks the body with a pointer and an end; nothing is counted on the way, so the line of
 * an error is found by counting when there is one. Names and values are views of the body; only
 * what holds a backslash is copied, into the scratch arena.
 *
 * Families. HELP, TYPE and UNIT of one family come as lines of their own. They are gathered and
 * handed on once, before the next sample or family.
 *
 * Private to model/expo*.c.
 */
#ifndef MODEL_EXPO_SCAN_H
#define MODEL_EXPO_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "model/emit.h"

struct arena;
struct err;

/* Labels of one line that need no memory of their own. */
#define EXPO_SCAN_LABELS 32

/* Bytes by what they may be part of. */
enum {
    EXPO_SCAN_LABEL_HEAD = 1,  /* [a-zA-Z_] */
    EXPO_SCAN_METRIC_HEAD = 2, /* [a-zA-Z_:] */
    EXPO_SCAN_DIGIT = 4,
    EXPO_SCAN_QUOTED_STOP = 8, /* " \ newline: where a quoted text needs a look */
    EXPO_SCAN_BLANK = 16,      /* space, tab */
};
extern const uint8_t expo_scan_class[256];

struct expo_label_list {
    struct label *items;
    size_t n, cap;
    struct label few[EXPO_SCAN_LABELS];
};

/* Which liberties the label set of a format takes. */
struct expo_label_rules {
    bool blanks; /* blanks between tokens; commas may be missing, or follow the last label */
    bool newline_in_value;
    bool nul_in_value;
    bool takes_name; /* a quoted text alone is the metric's name; exemplars have none */
};

struct expo_scan {
    const char *start, *p, *end;
    struct arena *scratch;
    bool scratch_used;  /* by this line */
    bool help_unquotes; /* \" in HELP is an escape too (OpenMetrics) */
    struct emit *emit;

    /* The family gathered: views of the body, escapes still in. */
    struct str family, help, unit;
    bool family_quoted, pending;
    bool metadata; /* there was some since the sample before */
    bool goes_on;  /* it went on with a family that was handed on already */
    /* Skipped lines with metadata; p not NULL: the family is theirs, and nobody has read them. */
    struct str unread;
    enum metric_type family_type;
    enum metric_type type; /* of the last TYPE line, whatever its family, as Prometheus does it */

    int (*metadata_lines)(struct expo_scan *s, struct err *err); /* the format's, up to `end` */

    struct str name; /* of the sample; p NULL: not seen yet */
    struct expo_label_list labels, exemplar;
};

void expo_scan_init(struct expo_scan *s, struct str body, struct arena *scratch, struct emit *emit);

/* -1 with line and column of `at`. */
int expo_scan_fail(const struct expo_scan *s, const char *at, struct err *err, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* What stands at `at`, for a message: a printable byte quoted, "the end of the line" ... */
const char *expo_scan_seen(const struct expo_scan *s, const char *at, char out[24]);

/* [a-zA-Z_:][a-zA-Z0-9_:]* (or without the colon); n 0 when there is none here. */
struct str expo_scan_name(struct expo_scan *s, uint8_t head);
/* At the opening quote: the text between the quotes, unescaped when `out` says so. */
MUST_USE int expo_scan_quoted(struct expo_scan *s, bool newline, bool nul, bool *escaped,
                              struct str *out, struct err *err);
/* \\ \n and, with `quote`, \" ; other escapes stay as they are. */
MUST_USE int expo_scan_unescape(struct expo_scan *s, struct str text, bool quote, struct str *out,
                                struct err *err);

/* After the opening brace, through the closing one. */
MUST_USE int expo_scan_labels(struct expo_scan *s, const struct expo_label_rules *rules,
                              struct expo_label_list *list, struct err *err);
enum expo_meta { EXPO_META_HELP, EXPO_META_TYPE, EXPO_META_UNIT };
/* The metric's name of a metadata line, quoted or not; `word` is the line's keyword. */
MUST_USE int expo_scan_meta_name(struct expo_scan *s, const char *word, struct str *out,
                                 bool *quoted, struct err *err);
/* Gathers one metadata line; `text` has its escapes still in, and its type was checked. */
MUST_USE int expo_scan_meta(struct expo_scan *s, enum expo_meta what, struct str name, bool quoted,
                            struct str text, enum metric_type type, struct err *err);
/* Hands on the family gathered, if any. */
MUST_USE int expo_scan_flush(struct expo_scan *s, struct err *err);
/* At the start of a line: steps over what the receiver knows. */
bool expo_scan_skip(struct expo_scan *s);
/* Hands on one sample whose name and labels were scanned, and forgets them. */
MUST_USE int expo_scan_sample(struct expo_scan *s, struct emit_sample *sample, struct err *err);

/* The line's place in the text, once all of it is read. */
void expo_scan_place(const struct expo_scan *s, struct emit_sample *sample, const char *series,
                     const char *series_end, struct str value);

MUST_USE int expo_text_parse(struct expo_scan *s, struct err *err);
MUST_USE int expo_openmetrics_parse(struct expo_scan *s, struct err *err);

#endif
