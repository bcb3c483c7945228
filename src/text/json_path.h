/* json_path: where in a JSON value something stands.
 *
 *   a.b      member b of member a          a."x.y"   a member whose name has other signs in it
 *   a[0]     the first element             a.*       each member or element
 *   .b       from the element on that the last * of another path took; "." is that element
 *
 * A path without a * leads to one value at most. A walk visits no value twice.
 *
 * Ownership: a path's names live in the arena. Threads: immutable once parsed.
 */
#ifndef TEXT_JSON_PATH_H
#define TEXT_JSON_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct json_t; /* jansson's */

#define JSON_PATH_STEPS_MAX 32
#define JSON_PATH_STARS_MAX 9 /* $1 to $9 */

struct json_step {
    enum json_step_kind { JSON_STEP_MEMBER, JSON_STEP_INDEX, JSON_STEP_EACH } kind;
    struct str name; /* of a member; ends in a NUL that is not counted */
    uint32_t index;
};

struct json_path {
    struct str text; /* as written */
    bool relative;   /* it has a leading dot */
    const struct json_step *steps;
    size_t n;
    size_t stars;
};

/* ERR_SYNTAX with the column in the text. */
MUST_USE int json_path_parse(struct arena *a, struct str text, struct json_path *out,
                             struct err *err);

/* What a walk has come to. */
struct json_place {
    struct json_t *value;   /* NULL: the path goes no further from `element` */
    struct json_t *element; /* what the last * took; without one, where the walk began */
    struct str took[JSON_PATH_STARS_MAX]; /* the key or index each * took */
    size_t took_n;
};

/* Calls `found` for each place; -1 from it ends the walk with -1. *there: what the first * goes
 * through is there, even if it is empty; without a *, the value is. */
MUST_USE int json_path_walk(const struct json_path *path, struct json_t *root,
                            int (*found)(void *arg, const struct json_place *place), void *arg,
                            bool *there);

/* The value of a path without *; NULL: not there. */
struct json_t *json_path_get(const struct json_path *path, struct json_t *root);

/* A string as it is, a number or boolean as JSON writes it, into `space` where need be. p NULL for
 * null, objects and arrays. */
#define JSON_TEXT_MAX 352
struct str json_scalar_text(const struct json_t *value, char space[JSON_TEXT_MAX]);

#endif
