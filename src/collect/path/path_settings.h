/* path_settings: one entry of collect.path. Lives in the configuration's arena. */
#ifndef COLLECT_PATH_PATH_SETTINGS_H
#define COLLECT_PATH_PATH_SETTINGS_H

#include <stdbool.h>

struct path_settings {
    const char *path; /* absolute */
    bool files;       /* those below it are counted */
};

#endif
