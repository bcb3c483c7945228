/* metrics_settings: one entry of collect.metrics. Lives in the configuration's arena. */
#ifndef COLLECT_METRICS_SETTINGS_H
#define COLLECT_METRICS_SETTINGS_H

#include <stdbool.h>

struct metrics_settings {
    bool optional; /* HTTP status 404 is fine: there is nothing then */
};

#endif
