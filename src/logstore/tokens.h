/* tokens: the words of a text, as they are indexed and as they are searched for.
 *
 * A word is a run of letters and digits, in lower case; of a longer one the first TOKEN_MAX bytes
 * count. "Job 9f31c2 waiting 12.5s" is job, 9f31c2, waiting, 12, 5s; llm_tasks is llm, tasks.
 * Whatever is not ASCII is a letter. A byte of TOKEN_KEY begins a key: it and the letters behind it
 * are one word that no text has by accident (segment.h).
 *
 * Threads: any.
 */
#ifndef LOGSTORE_TOKENS_H
#define LOGSTORE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

#define TOKEN_MAX 64
#define TOKEN_KEY '\x1f'

struct token {
    char p[TOKEN_MAX + TOKEN_MAX / 2]; /* some letters grow in lower case */
    size_t n;
    size_t start, end; /* in the text */
};

/* The next from *at on; false: there is none. */
bool token_next(struct str text, size_t *at, struct token *out);

struct sqlite3;
/* Makes `tokenize = earshot` known to FTS5 in this connection. An SQLite result code. */
MUST_USE int tokens_register(struct sqlite3 *db);

#endif
