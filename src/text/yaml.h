/* yaml: a YAML 1.1 document as a tree in which every node knows its line and column.
 *
 * libyaml's events, our tree: duplicate keys, nesting over 64, aliases that blow up (they stand for
 * more than 100,000 nodes or 16 MiB in all), a text over 16 MiB, tabs as indentation, NUL, tags
 * other than YAML's own and more than one document are ERR_SYNTAX or ERR_LIMIT with the place.
 * Merge keys (<<) are followed.
 *
 * Scalars keep their text; what type it should have is for the reader of the key to say. Columns
 * count characters, so that a caret under the line stands where it should.
 * Ownership: the arena. Threads: immutable once read.
 */
#ifndef TEXT_YAML_H
#define TEXT_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct arena;

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_pair;

struct yaml {
    enum yaml_kind kind;
    struct span at;          /* length 0: more than one line */
    const char *file;        /* as given to yaml_parse */
    struct str text;         /* scalar */
    bool quoted;             /* scalar: 'x' and "x" are always strings */
    struct yaml *items;      /* list: [n] */
    struct yaml_pair *pairs; /* map: [n], in file order */
    size_t n;
};

struct yaml_pair {
    struct yaml key, value;
};

/* The one document in `text`; an empty one is a YAML_NULL. `file` is for messages, borrowed. */
MUST_USE int yaml_parse(struct arena *a, const char *file, struct str text, const struct yaml **out,
                        struct err *err);

/* NULL when `map` is no map or has no such key. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);

/* All mistakes of one configuration, in file order; each is one line for a person. */
struct yaml_errors {
    struct arena *arena;
    struct err *items; /* [n] */
    size_t n, cap;
    size_t dropped; /* past 100 */
};

/* Adds a mistake at the node: file, line and column are filled in. */
void yaml_error(struct yaml_errors *errors, const struct yaml *at, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Adds err, which some parser filled, at the node (its own span is inside the scalar). */
void yaml_error_from(struct yaml_errors *errors, const struct yaml *at, const struct err *err);

/* Typed readers: `node` NULL or YAML_NULL leaves *out as it is (the default) and is fine. A wrong
 * type adds an error that says what was found, what is expected, and gives an example. */
void yaml_read_str(const struct yaml *node, const char *what, struct str *out,
                   struct yaml_errors *errors);
void yaml_read_bool(const struct yaml *node, const char *what, bool *out,
                    struct yaml_errors *errors);
void yaml_read_i64(const struct yaml *node, const char *what, int64_t min, int64_t max,
                   int64_t *out, struct yaml_errors *errors);
void yaml_read_double(const struct yaml *node, const char *what, double *out,
                      struct yaml_errors *errors);
void yaml_read_duration(const struct yaml *node, const char *what, int64_t *out_ms,
                        struct yaml_errors *errors);
void yaml_read_size(const struct yaml *node, const char *what, uint64_t *out_bytes,
                    struct yaml_errors *errors);
/* Every key of `map` must be in keys[0..n): else an error with "did you mean". `map` that is no
 * map is an error too, false then. */
bool yaml_check_keys(const struct yaml *map, const char *what, const char *const keys[], size_t n,
                     struct yaml_errors *errors);

#endif
