/* rabbitmq_settings: what is read of a RabbitMQ at one URL: an entry of collect.rabbitmq, or a
 * broker of collect.celery.
 *
 * Ownership: the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_RABBITMQ_RABBITMQ_SETTINGS_H
#define COLLECT_RABBITMQ_RABBITMQ_SETTINGS_H

#include <stddef.h>

#include "base/str.h"

struct rabbitmq_settings {
    enum {
        RABBITMQ_PLUGIN,   /* the exposition of its prometheus plug-in */
        RABBITMQ_QUEUES,   /* /api/queues of its management */
        RABBITMQ_NODES,    /* /api/nodes */
        RABBITMQ_OVERVIEW, /* /api/overview */
        RABBITMQ_CELERY,   /* /api/queues, as collect.celery tells queues */
    } part;
    struct str queues, vhost;  /* RE2 for whole names, which compile */
    const char *const *celery; /* [celery_n] names of queues, for RABBITMQ_CELERY */
    size_t celery_n;
};

#endif
