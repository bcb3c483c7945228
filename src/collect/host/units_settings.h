/* units_settings: which units of systemd collect.host tells. Plain data. */
#ifndef COLLECT_HOST_UNITS_SETTINGS_H
#define COLLECT_HOST_UNITS_SETTINGS_H

#include <stddef.h>

enum host_units_mode { UNITS_NONE, UNITS_FAILED, UNITS_ALL, UNITS_NAMED };

struct host_units {
    enum host_units_mode mode;
    const char *const *names; /* [n] of UNITS_NAMED, each with its ending: "nginx.service" */
    size_t n;
};

#endif
