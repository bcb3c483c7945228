/* letter_case: upper and lower case of UTF-8 text, one character for one (Unicode's simple
 * mappings: a German sharp s has no capital of its own and stays).
 *
 * Threads: any.
 */
#ifndef TEXT_LETTER_CASE_H
#define TEXT_LETTER_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* A character may grow from two bytes to three. */
#define LETTER_CASE_ROOM(n) ((n) + (n) / 2)

/* Writes at most LETTER_CASE_ROOM(s.n) bytes to `out` and returns how many. Bytes that are not
 * UTF-8 stay as they are. */
size_t letter_case_upper(struct str s, char *out);
size_t letter_case_lower(struct str s, char *out);

#endif
