/* groups: the table of groups.def as C; used by host.c and by the fuzzer. */
#ifndef COLLECT_HOST_GROUPS_H
#define COLLECT_HOST_GROUPS_H

#include <stddef.h>

struct host_run;

enum host_lane { HOST_FAST, HOST_SLOW };

struct host_group {
    const char *name;
    enum host_lane lane;
    void (*collect)(struct host_run *r);
    void (*free)(void *state);
};

#define GROUP(name, lane, free) void name##_collect(struct host_run *r);
#include "collect/host/groups.def"
#undef GROUP

void stat_free(void *state);
void oom_kills_free(void *state);
void os_free(void *state);
void processes_free(void *state);
void systemd_free(void *state);

#endif
