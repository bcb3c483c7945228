/* words: what a person searches for, taken apart: words that all have to be there.
 *
 *   cuda memory          both, anywhere
 *   "out of memory"      these, one behind the other
 *   12.5GB               the same as "12 5gb" (tokens.h)
 *   trace*               any word that begins so; the last one of a phrase too
 *
 * Threads: any.
 */
#ifndef LOGSTORE_WORDS_H
#define LOGSTORE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"
#include "logstore/tokens.h"

struct err;

#define WORDS_MAX 32

struct words {
    struct token items[WORDS_MAX];
    /* Of each word: whether it stands right behind the one before it, and is only a beginning. */
    bool follows[WORDS_MAX], begins[WORDS_MAX];
    size_t n;
    bool phrases; /* some follow: the index cannot tell that, words_match can */
};

/* ERR_SYNTAX: a quote that does not end, no word at all, or too many. */
MUST_USE int words_read(struct str text, struct words *out, struct err *err);
/* Adds what FTS5 is to look for, `"a" AND "b" *`; nothing when there are no words. */
void words_put_query(const struct words *w, struct buf *out);
/* Adds one word as FTS5 is to look for it, behind AND where it is not the first. */
void words_put_key(struct str key, struct buf *out);

/* Whether a text has the phrase that begins at word `at`. */
bool words_phrase_in(const struct words *w, size_t at, struct str text);

#endif
