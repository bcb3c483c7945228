/* judge: whether an answer is what the configuration expects of it.
 *
 * Threads: a judge is immutable; anyone may judge by it.
 */
#ifndef COLLECT_PROBE_JUDGE_H
#define COLLECT_PROBE_JUDGE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

struct budget;
struct err;
struct judge;
struct probe_expect;

/* Borrows `expect`. */
MUST_USE int judge_new(const struct probe_expect *expect, struct judge **out, struct err *err);
void judge_free(struct judge *j); /* NULL is fine */

/* -1: err says in plain words what is wrong. *by_regex: match or not_match did it. `budget`, which
 * may be NULL, is charged for reading JSON. */
MUST_USE int judge_status(const struct judge *j, int status, struct err *err);
MUST_USE int judge_body(const struct judge *j, struct str body, struct budget *budget,
                        bool *by_regex, struct err *err);
/* There is nothing to wait for in a body. */
bool judge_needs_no_body(const struct judge *j);

#endif
