/* oom: how often the kernel killed for lack of memory in each control group that processes of ours
 * are in. Anyone may read that count; who was killed it does not say.
 *
 * A kill may be counted before its victim has gone from /proc: a kill that nobody has been charged
 * with is kept for one pass more.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_PROCESS_OOM_H
#define COLLECT_PROCESS_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_run;
struct oom_source;

struct oom {
    struct oom_source **sources; /* owned; [n] */
    size_t n, cap;
};

void oom_fini(struct oom *o);
/* The source of this file below /sys, with one more user; NULL: there is no such file. */
struct oom_source *oom_join(struct oom *o, struct host_run *r, const char *path);
void oom_leave(struct oom *o, struct oom_source *s); /* NULL is fine */
/* Once a pass, when it is known who is there. */
void oom_read(struct oom *o, struct host_run *r);
/* Was one killed here that nobody has been charged with? Then it is now. NULL is fine: no. */
bool oom_take(struct oom_source *s);

#endif
