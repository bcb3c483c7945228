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

/* Calls `tell` for each number (or boolean) that has a plain path, in the order of the text, with
 * a name for it, up to `max` of them. Returns how many; 0: it is no JSON object with numbers in it,
 * or larger than 64 KB. */
size_t propose_metrics(struct str body, size_t max,
                       void (*tell)(void *arg, const char *name, const char *path), void *arg);

/* "name: path, name: path" of its first numbers, into out. False: there is none. */
bool propose_mapping(struct str body, char *out, size_t size);

#endif
