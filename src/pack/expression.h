/* expression: the places in a rule's PromQL that are filled in or tuned, found without a parser:
 * the expressions are those of packs/, in the form that packs/rules.md asks for.
 *
 * Threads: any.
 */
#ifndef PACK_EXPRESSION_H
#define PACK_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* The number right behind the first comparison, inside of `expr`; n 0: there is none. */
struct str expression_threshold(struct str expr);
/* Is that comparison < or >, so that another number there makes sense? */
bool expression_is_bound(struct str expr);
bool expression_has_window(struct str expr);
/* With `window` for the ranges inside rate and increase. */
void expression_put_window(struct str expr, struct str window, struct buf *out);
/* With `more`, like `,instance="a"`, in each selector whose matcher of job has the value `job`, or
 * a regex, when `job` is NULL. */
void expression_narrow(struct str expr, const char *job, struct str more, struct buf *out);

/* `text` where `before` is what stands left of it: in a string of PromQL the quotes and backslashes
 * are escaped, and in one that a regex matcher has, whatever RE2 would take for more than itself,
 * unless it is a regex already. */
void expression_put_value(struct str before, struct str text, bool is_regex, struct buf *out);

#endif
