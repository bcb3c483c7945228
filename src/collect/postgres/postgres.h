/* postgres: a PostgreSQL server asked by SQL, under postgres_exporter's names. The entry header.
 *
 * One entry of collect.postgres is one collector and one target. A cycle asks, in one transaction
 * that only reads, for each group of the catalogue and for the settings; then for the tables of
 * each database, for the statements, and for a person's own queries that are due. Names and what is
 * left out: docs/postgres-collector.md.
 *
 * What fails whole (up 0): the server cannot be reached, or does not answer in time, before all
 * groups have been asked for. What fails alone: a group or a query that the server refuses; it has
 * no samples, shows as earshot_postgres_collector_success 0 or earshot_postgres_query_success 0,
 * and its reason is logged once until it is well again.
 *
 * Connections: one to the entry's own database and at most two more are kept from cycle to cycle;
 * those of further databases are opened for the moment, one at a time. So there are never more than
 * four. With intervals over a minute none is kept.
 *
 * Threads: one at a time (LANE_SLOW). The deadline is the entry's timeout.
 */
#ifndef COLLECT_POSTGRES_POSTGRES_H
#define COLLECT_POSTGRES_POSTGRES_H

#include "base/attr.h"
#include "collect/collect.h"

struct clock;
struct entry_settings;
struct err;
struct log;

/* Borrows the entry, whose `own` are postgres_settings. ERR_TYPE: a query that would give a family
 * of the collector's own. */
MUST_USE int postgres_collector(const struct entry_settings *entry, const struct clock *clock,
                                struct log *log, struct collector *out, struct err *err);

#endif
