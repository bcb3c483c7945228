/* relabel: one entry of relabel_configs, metric_relabel_configs and their like. */
#ifndef CONFIG_RELABEL_H
#define CONFIG_RELABEL_H

#include <stdbool.h>

#include "base/attr.h"

struct relabel_rule;
struct yaml;
struct yaml_errors;

/* -1: the mistake was added to errors, at the key to blame. The rule's texts are the tree's, what
 * else it needs lives in the arena of `errors`; relabel_fini is the caller's. Types must have been
 * looked at (schema.h). */
MUST_USE int relabel_read(const struct yaml *map, bool utf8_names, struct relabel_rule *out,
                          struct yaml_errors *errors);

#endif
