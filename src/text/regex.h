/* regex: RE2 syntax and semantics (https://github.com/google/re2/wiki/Syntax), through a C++ shim.
 *
 * Patterns are UTF-8; matching never backtracks. A pattern's compiled size is bounded (1 MiB).
 * A named group is (?P<name>re) or (?<name>re).
 * Threads: immutable; any may match.
 */
#ifndef TEXT_REGEX_H
#define TEXT_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct err;
struct regex;

/* `anchored`: the whole text must match, as in PromQL and relabelling; dot matches newline. */
MUST_USE int regex_new(struct str pattern, bool anchored, struct regex **out, struct err *err);
void regex_free(struct regex *r);
bool regex_matches(const struct regex *r, struct str text);
/* Fills groups[0..n): the whole match and the capturing groups; p NULL where none took part. */
bool regex_find(const struct regex *r, struct str text, struct str groups[], size_t n);
size_t regex_groups(const struct regex *r); /* capturing groups, without the whole */
/* Number of a named group, -1 when there is none. */
int regex_group_index(const struct regex *r, struct str name);
/* p NULL: the group has none. Borrowed from r. */
struct str regex_group_name(const struct regex *r, int group);
/* Means something else than itself, unless a backslash stands before it. */
static inline bool regex_is_meta(char c)
{
    return c != '\0' && strchr("\\.+*?()|[]{}^$", c) != NULL;
}

#ifdef __cplusplus
}
#endif

#endif
