/* celery_settings: one entry of collect.celery as config reads it.
 *
 * Ownership: the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_CELERY_CELERY_SETTINGS_H
#define COLLECT_CELERY_CELERY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/redis/redis_settings.h"

struct rabbitmq_settings;

struct celery_settings {
    struct redis_access broker;
    const struct rabbitmq_settings *amqp; /* NULL: the broker is a Redis */
    const char *const *queues;            /* [queues_n] */
    size_t queues_n;
    bool events; /* workers are heard */
    bool flower; /* a Flower is scraped beside: its names are not made here */
    int64_t stuck_after_ms;
};

#endif
