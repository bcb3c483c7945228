/* docker_settings: one entry of collect.docker. Lives in the configuration's arena. */
#ifndef COLLECT_DOCKER_DOCKER_SETTINGS_H
#define COLLECT_DOCKER_DOCKER_SETTINGS_H

struct docker_settings {
    const char *socket; /* absolute path; NULL: the first of the usual ones that is there */
};

#endif
