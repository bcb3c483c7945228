/* devices: numbered entries of a folder of sysfs: cpu0, mc1, thermal_zone2. */
#ifndef COLLECT_HOST_DEVICES_H
#define COLLECT_HOST_DEVICES_H

#include "collect/host/run.h"

struct device {
    struct str number; /* "0" of "cpu0" */
    const char *name;  /* "cpu0" */
};

/* The entries of a folder whose names are `prefix` and digits, ascending. In scratch. */
size_t devices_list(struct host_run *r, enum files_root root, const char *path, const char *prefix,
                    int *dir, struct device **out);

#endif
