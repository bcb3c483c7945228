/* known: the text a target exposed last, line by line, so that what comes again is not parsed
 * again. The why and how stand in known.c.
 *
 * Order of a cycle, on a lane:
 *
 *   known_begin
 *   at the start of each line    known_starts, then known_run / known_value / known_resync
 *   for each sample parsed       known_rebuild (once), known_find, known_push
 *   known_place                  series that are new have their slots
 *   known_end or known_discard
 *
 * and once the store has the samples, known_keep gives it the text itself.
 *
 * Errors: the budget is used up (ERR_LIMIT); discard then.
 * Threads: none of its own; a target's, one at a time.
 */
#ifndef COLLECT_KNOWN_H
#define COLLECT_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "model/emit.h"
#include "model/metadata.h"

/* Where a series is: a slot of the group, or one of these. */
#define KNOWN_NO_SLOT UINT32_MAX          /* the store has no room for it */
#define KNOWN_DROPPED (UINT32_MAX - 1)    /* by relabelling: never gets one */
#define KNOWN_FRESH   (UINT32_C(1) << 31) /* + n: the n-th new series of this cycle, no slot yet */

struct budget;
struct err;

struct known_line {
    uint32_t literal;             /* bytes from the end of the line before to the value; of a line
                                   * that is always parsed, to its own end */
    uint32_t series_at, series_n; /* name and labels within it */
    uint32_t place;
    uint8_t value_n;           /* bytes of the value, a newline follows */
    uint8_t type_before, type; /* enum metric_type in force before and behind it */
    bool repeats : 1;          /* may be stepped over (struct emit_text), and its value is its
                                * slot's */
    bool metadata : 1;
};
_Static_assert(sizeof(struct known_line) == 20, "one a series of every target");

struct known_entry; /* of the index */

struct known {
    struct budget *budget;
    char *text; /* owned */
    size_t text_n;
    struct known_line *lines; /* owned; [n] */
    size_t n, cap;

    /* Of the cycle. */
    size_t at;               /* the line expected next ... */
    size_t old;              /* ... and where in `text` it begins */
    const char *start, *p;   /* of the new text; start of the line that is read */
    enum metric_type type;   /* in force there */
    size_t met, met_old;     /* the line whose series was found last, and where it begins */
    bool same_family;        /* the last metadata before it is that of the old text */
    bool tell;               /* metadata is to be parsed, known or not */
    bool rebuilds;           /* `next` is the list of the new text's lines, else `lines` is still */
    bool ended;              /* well; waits for known_keep */
    struct known_line *next; /* owned */
    size_t next_n, next_cap;
    size_t dropped;                        /* lines stepped over whose series is dropped */
    uint32_t fresh;                        /* new series */
    struct known_entry *index;             /* owned; series by text, made when one is looked for */
    size_t index_n, index_cap, index_last; /* index_last: where the newest one stands */
    bool index_has_lines;
    struct buf keys; /* the new text, of samples that come without */
};

/* `budget` may be NULL in tests. */
void known_init(struct known *k, struct budget *budget);
void known_fini(struct known *k);
/* Nothing is known any more. */
void known_forget(struct known *k);
/* `tell`: every line with metadata is to be parsed. */
void known_begin(struct known *k, bool tell);

/* Is this the start of a line that can be looked for? `type` is in force there. */
bool known_starts(struct known *k, const char *p, enum metric_type type);
/* Steps over lines that are the same to the last byte of the value. How many; *metadata as in
 * emit.skip. They are lines [at - how many, at). */
size_t known_run(struct known *k, struct str *text, struct str *metadata);
/* One line that is the same but perhaps for the value: line `at - 1`, afterwards. */
bool known_value(struct known *k, struct str *text, struct str *metadata, double *value);
/* Lines that are gone: goes on to the line that `text` begins with, if it is not far. Only after
 * known_rebuild. */
bool known_resync(struct known *k, struct str text);

/* From here on there is a list of the new lines: what was stepped over stands in it already. */
MUST_USE int known_rebuild(struct known *k, struct err *err);
/* The place of a series; KNOWN_FRESH + n when it is new. Its text stays until the end of the cycle.
 */
MUST_USE int known_find(struct known *k, struct str series, enum metric_type type, uint32_t *place,
                        struct err *err);
/* The new series just found is dropped: KNOWN_DROPPED. */
uint32_t known_drop(struct known *k);
/* The place of a series, KNOWN_NO_SLOT when it is new; it stays so, and no line may be pushed until
 * known_discard. */
MUST_USE int known_look(struct known *k, struct str series, enum metric_type type, uint32_t *place,
                        struct err *err);
/* The line just parsed, whose series was the last one found. */
MUST_USE int known_push(struct known *k, const struct emit_text *text, uint32_t place,
                        struct err *err);
/* The same for a sample without a text of its own; `key` stands for it. */
MUST_USE int known_push_key(struct known *k, struct str key, uint32_t place, struct err *err);

/* The n-th of the new lines did not win its slot: it is to be parsed whenever it comes. */
void known_always_parse(struct known *k, size_t line);
/* New series get their slots: slots[i] is that of KNOWN_FRESH + i. */
void known_place(struct known *k, const uint32_t slots[]);
/* The text was read to its end. */
void known_end(struct known *k);
/* It was not: what was known before stands. */
void known_discard(struct known *k);
/* Takes the text that ended well, or frees one that did not; heap, mem_free. Where the budget has
 * no room for it and another as long, it is not kept, and all is forgotten. */
void known_keep(struct known *k, char *text, size_t n);
/* Walks all invariants; for tests. */
bool known_check(const struct known *k);

#endif
