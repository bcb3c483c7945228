/* propose: a mapping of collect.json for a target that answers JSON where an exposition is
 * expected.
 *
 * Threads: any.
 */
#ifndef COLLECT_PROPOSE_H
#define COLLECT_PROPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* "name: path, name: path" of its first numbers, into out. False: it is no JSON object with numbers
 * in it, or larger than 64 KB. */
bool propose_mapping(struct str body, char *out, size_t size);

#endif
