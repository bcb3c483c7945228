/* redis: a Redis, asked with INFO and commands that cost it next to nothing, under redis_exporter's
 * names. The folder's entry header.
 *
 * Each cycle is one connection: AUTH, PING, INFO; CONFIG GET of five settings, SLOWLOG, LATENCY
 * LATEST; the size of each key that is named (TYPE, then LLEN, ZCARD ...); once a minute SCAN for
 * each pattern, which goes on in the next cycle where one is too short for it; and the first
 * entries of queues, for people. KEYS is never sent. A command that Redis refuses (an ACL, a
 * renamed command) is left out, counted in earshot_redis_commands_refused and logged once; without
 * INFO the cycle fails.
 *
 *   session   one connection, commands out and answers in      resp     answers, bounded
 *   info      INFO -> findings                                 server   CONFIG, SLOWLOG, LATENCY
 *   sizes     sizes of keys                                    walk     SCAN over cycles
 *   findings  samples in the order of their families       first    first entries of queues
 *
 * Threads: it waits for the network, on a thread of its own (hangs_on), never longer than the
 * entry's timeout.
 */
#ifndef COLLECT_REDIS_REDIS_H
#define COLLECT_REDIS_REDIS_H

#include "base/attr.h"

struct clock;
struct collector;
struct entry_settings;
struct err;
struct log;
struct redis_firsts;

/* `entry` and `firsts`, where first entries are kept, are borrowed until the collector is freed. */
MUST_USE int redis_collector(const struct entry_settings *entry, const struct clock *clock,
                             struct log *log, struct redis_firsts *firsts, struct collector *out,
                             struct err *err);

#endif
