/* management: answers of RabbitMQ's management API as samples.
 *
 *   /api/queues    [{name, vhost, messages_ready, messages_unacknowledged, consumers}]
 *   /api/nodes     [{name, mem_alarm, disk_free_alarm}]
 *   /api/overview  {object_totals: {connections}}
 *
 * A field that is missing gives no sample (a queue without its figures is one that a node which is
 * down keeps).
 */
#ifndef COLLECT_RABBITMQ_MANAGEMENT_H
#define COLLECT_RABBITMQ_MANAGEMENT_H

#include "base/attr.h"

struct err;
struct findings;
struct json_t;
struct rabbitmq_settings;
struct regex;

struct management {
    const struct rabbitmq_settings *settings;
    const struct regex *queues, *vhost;
};

MUST_USE int management_read(const struct management *m, const struct json_t *root,
                             struct findings *f, struct err *err);

#endif
