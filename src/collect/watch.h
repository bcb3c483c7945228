/* watch: the few series of a target whose change is an event.
 *
 *   process_start_time_seconds, container_start_time_seconds,
 *   namedprocess_namegroup_oldest_start_time_seconds        "restart"
 *   node_boot_time_seconds                                  "reboot"
 *   node_vmstat_oom_kill, container_oom_events_total,
 *   earshot_process_exits_total{reason="oom"}               "oom"
 *   earshot_process_exits_total{reason="crash"}             "crash"
 *   earshot_container_health{state}                         "health"
 *   *_model_state{state}, ollama_model_size_bytes{model}    "model"
 *
 * Each new series is judged by its name, once; after a good cycle only the slots of those watched
 * are looked at. A start is told with the time it says, also when it is first seen: events that are
 * the same are told once (state/events.h), so what started while nobody looked is there, too.
 *
 * Threads: its target's, one at a time.
 */
#ifndef COLLECT_WATCH_H
#define COLLECT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct events;
struct labels;
struct watched;

#define WATCHED_MAX 500u /* of one target; further ones are not watched, and counted */

struct watch {
    struct events *events; /* borrowed; NULL: nothing is watched */
    struct watched *items; /* owned; [n] */
    size_t n, cap;
    uint64_t unwatched;
    bool primed;  /* a good cycle has been: what comes now is new */
    ts_ms minute; /* the one that `told` is of */
    unsigned told;
};

void watch_init(struct watch *w, struct events *events);
void watch_fini(struct watch *w);
/* A series got its slot. */
void watch_add(struct watch *w, const struct labels *series, uint32_t slot);
/* Slots are handed out anew. */
void watch_forget_slots(struct watch *w);
/* After a good cycle of time `ts`: the column. */
void watch_look(struct watch *w, ts_ms ts, const double values[], const uint64_t present[]);
/* May one more be told in this minute? Else it is counted as dropped. */
bool watch_may_tell(struct watch *w, ts_ms ts);

#endif
