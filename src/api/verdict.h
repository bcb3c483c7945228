/* verdict: what needs a look, in one sentence.
 *
 * "Everything is fine." / "One thing needs a look. Disk / is 92 % full, 18 GB free." / "Three
 * things need a look, one is urgent. ...". It counts causes, urgent ones come first, at most three
 * are told. Present tense, no blame.
 *
 * Threads: none of its own.
 */
#ifndef API_VERDICT_H
#define API_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

#define VERDICT_CAUSES_MAX 100 /* more are counted, not kept */

enum verdict_level { VERDICT_OK, VERDICT_WARNING, VERDICT_CRITICAL };

struct verdict_cause {
    enum verdict_level level;
    char text[240]; /* a sentence, without its full stop */
};

struct verdict {
    struct verdict_cause causes[VERDICT_CAUSES_MAX];
    size_t kept, n, urgent;
};

void verdict_add(struct verdict *v, enum verdict_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
enum verdict_level verdict_level(const struct verdict *v);
const char *verdict_word(enum verdict_level level); /* "ok", "warning", "critical" */
void verdict_sentence(const struct verdict *v, struct buf *out);

/* Numbers for people: three digits, a blank before the unit. `out` holds what it is given. */
#define VERDICT_NUMBER_MAX 32
const char *verdict_bytes(double bytes, char out[VERDICT_NUMBER_MAX]);      /* 18 GB, decimal */
const char *verdict_memory(double bytes, char out[VERDICT_NUMBER_MAX]);     /* 1.2 GB, / 2^30 */
const char *verdict_duration(double seconds, char out[VERDICT_NUMBER_MAX]); /* 2 h 46 min */

#endif
