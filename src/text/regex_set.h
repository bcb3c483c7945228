/* regex_set: many patterns over one text in one pass (RE2::Set), through a C++ shim.
 *
 * Patterns are as those of text/regex.h, and found anywhere in the text. The automaton that grows
 * while texts are read is bounded (16 MiB a set).
 * Threads: immutable; any may match.
 */
#ifndef TEXT_REGEX_SET_H
#define TEXT_REGEX_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct err;
struct regex_set;

/* The patterns compile by themselves already. ERR_LIMIT: together they are too large. n may be 0.
 */
MUST_USE int regex_set_new(const struct str patterns[], size_t n, struct regex_set **out,
                           struct err *err);
void regex_set_free(struct regex_set *s);
/* Which patterns may match, ascending, into found[n]; returns how many. None that matches is left
 * out; only when the automaton's memory is used up does it name all, for regex_find to tell. */
size_t regex_set_match(const struct regex_set *s, struct str text, uint32_t found[]);

#ifdef __cplusplus
}
#endif

#endif
