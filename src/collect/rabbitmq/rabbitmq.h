/* rabbitmq: a RabbitMQ under the names of its prometheus plug-in, from the plug-in's exposition or
 * from the JSON of its management API. The folder's entry header.
 *
 * Of the exposition all is taken but series of queues and vhosts that are not asked for.
 *
 * Threads: that of the parse lane, one at a time for one collector.
 */
#ifndef COLLECT_RABBITMQ_RABBITMQ_H
#define COLLECT_RABBITMQ_RABBITMQ_H

#include "base/attr.h"

struct clock;
struct collector;
struct entry_settings;
struct err;
struct log;
struct rabbitmq_settings;

/* A collector of collect.rabbitmq: the entry's own settings. */
MUST_USE int rabbitmq_collector(const struct entry_settings *entry, const struct clock *clock,
                                struct log *log, struct collector *out, struct err *err);
/* `settings` is borrowed until the collector is freed. */
MUST_USE int rabbitmq_collector_of(const struct rabbitmq_settings *settings, struct collector *out,
                                   struct err *err);

#endif
