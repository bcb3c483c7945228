/* celery_settings: one entry of collect.celery as config reads it.
 *
 * Ownership: the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_CELERY_CELERY_SETTINGS_H
#define COLLECT_CELERY_CELERY_SETTINGS_H

#include <stddef.h>

#include "collect/redis/redis_settings.h"

struct celery_settings {
    struct redis_access broker;
    const char *const *queues; /* [queues_n] */
    size_t queues_n;
};

#endif
