/* template: texts with $1, ${1}, $name and ${name} for what a regular expression found, as Go's
 * regexp.Expand (https://pkg.go.dev/regexp#Regexp.Expand).
 *
 *   $1x        the variable "1x", which no group is called: empty. ${1}x is group 1, then "x"
 *   $$         a dollar
 *   $ ${ ${}   no variable: a dollar as it stands
 *
 * Threads: any.
 */
#ifndef MODEL_TEMPLATE_H
#define MODEL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct regex;

#define TEMPLATE_GROUPS_MAX 64u /* the whole match among them */

static inline bool template_has_variables(struct str text)
{
    return text.n && memchr(text.p, '$', text.n);
}

/* groups[0..n) as regex_find gave them. *out is `text` itself, or lives in `a`. */
MUST_USE int template_expand(struct str text, const struct regex *regex, const struct str groups[],
                             size_t n, struct arena *a, struct str *out, struct err *err);

/* Letters, digits, underscores and variables, no digit in front: could be a label's name. */
bool template_is_legacy_name(struct str text);

#endif
