/* substitute: a tree of a pack with values where ${name} stands.
 *
 *   ${name} alone       becomes the value, whatever it is: a text, a list, a map
 *   a${name}b           becomes a text, in which two slashes never meet at the end of a value
 *   a name without a value takes the key or the item that it stands in away
 *   when: ${name}       in a map: the map goes away when there is no value, or it is false
 *   unless: ${name}     in a map: the map goes away when there is a value, unless it is false
 *   with: ${name}       in a map: the keys of the value, which is a map, are added to it
 *
 * What a person wrote keeps its place, so that a mistake in it is told there; a text that was put
 * together has the place of the last value in it.
 *
 * Ownership: the arena; values are borrowed. Threads: any.
 */
#ifndef PACK_SUBSTITUTE_H
#define PACK_SUBSTITUTE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct yaml;

struct binding {
    const char *name;
    const struct yaml *value; /* NULL: there is none */
};

struct bindings {
    struct binding *items; /* [n] */
    size_t n;
};

/* NULL: no such name, or it has no value. */
const struct yaml *bindings_get(const struct bindings *b, struct str name);

/* *out NULL: all of it went away. -1: memory; or a name that is not bound, which is ours to mend.
 */
MUST_USE int substitute(struct arena *a, const struct bindings *b, const struct yaml *node,
                        struct yaml **out, struct err *err);

#endif
