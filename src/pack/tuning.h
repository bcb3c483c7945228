/* tuning: what a person may change of a pack's rules without copying it (`rules` of an entry of
 * `packs`), checked against the rules that the pack has.
 *
 *   rules: {'*': {for: 0s}, SoundBoxQueueLong: {warning: 40, critical: 80, for: {critical: 1m}}}
 *
 * '*' is every rule of the pack; a rule by its name wins over it, key by key. A parameter of the
 * pack that sets thresholds (`tunes`) does it as if they were given here.
 *
 * Ownership: borrows. Threads: any.
 */
#ifndef PACK_TUNING_H
#define PACK_TUNING_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct bindings;
struct pack;
struct yaml;
struct yaml_errors;

/* `rules` as it was given; mistakes go to `errors`. */
void tuning_check(const struct pack *pack, const struct yaml *rules, struct yaml_errors *errors,
                  struct yaml_errors *warnings);

/* What holds for one rule: an alert, and its level, which is its severity. */
struct tuning {
    struct str wait;      /* `for`; n 0: the pack's own */
    struct str interval;  /* n 0: that of the pack */
    struct str window;    /* n 0: the pack's own */
    struct str threshold; /* n 0: the pack's own */
    char number[32];      /* what `threshold` may point to */
    bool disabled;
};

/* `rules` NULL: nothing was given; `values` NULL: parameters have their defaults. */
void tuning_of(const struct pack *pack, const struct yaml *rules, const struct bindings *values,
               struct str alert, struct str level, struct tuning *out);

#endif
