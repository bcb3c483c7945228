/* alias_settings: names of metrics that mean the same. Plain data. */
#ifndef COLLECT_ALIAS_SETTINGS_H
#define COLLECT_ALIAS_SETTINGS_H

#include <stddef.h>

#include "base/str.h"

struct metric_alias {
    struct str names[2];
};

struct metric_aliases {
    const struct metric_alias *items; /* [n] */
    size_t n;
};

#endif
