/* Whom the kernel killed for lack of memory, by name, from its log. How many there were in all is
 * node_vmstat_oom_kill, for everyone to read; the log needs a right (kernel_log.h). */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "collect/host/groups.h"
#include "collect/host/kernel_log.h"
#include "collect/host/run.h"

#define NAMES_MAX 100 /* each is a series; then "other" */

struct victim {
    char name[KERNEL_NAME_MAX];
    uint64_t kills, last_bytes;
};

struct oom_kills_state {
    struct kernel_log log;
    struct victim victims[NAMES_MAX + 1];
    size_t n;
};

void oom_kills_free(void *state)
{
    struct oom_kills_state *s = state;

    if (!s)
        return;
    kernel_log_close(&s->log);
    mem_free(s);
}

static struct victim *find(struct oom_kills_state *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->victims[i].name, name) == 0)
            return &s->victims[i];
    return NULL;
}

static struct victim *victim_of(struct oom_kills_state *s, const char *name)
{
    struct victim *v = find(s, name);

    if (!v && s->n >= NAMES_MAX) {
        name = "other";
        v = find(s, name);
    }
    if (v)
        return v;
    v = &s->victims[s->n++];
    (void)snprintf(v->name, sizeof v->name, "%s", name);
    return v;
}

static void read_kills(struct host_run *r, struct oom_kills_state *s)
{
    struct kernel_kill kill;

    while (kernel_log_next(&s->log, &kill)) {
        struct victim *v = victim_of(s, kill.name);

        v->kills++;
        v->last_bytes = kill.resident_bytes;
        log_warn(r->log, "host", "the kernel killed %s (pid %llu, %llu MB) for lack of memory",
                 kill.name, (unsigned long long)kill.pid,
                 (unsigned long long)(kill.resident_bytes >> 20));
    }
}

void oom_kills_collect(struct host_run *r)
{
    struct oom_kills_state *s = *r->state;

    if (!s) {
        *r->state = s = mem_new(struct oom_kills_state);
        kernel_log_open(&s->log, files_root_dir(r->files, FILES_ROOT));
    }
    if (!kernel_log_readable(&s->log))
        return;
    r->present = true;
    read_kills(r, s);
    if (!s->n)
        return;
    host_family(
        r, METRIC_COUNTER, "earshot_oom_kills_total",
        "Processes that the kernel killed for lack of memory, since earshot reads its log.");
    for (size_t i = 0; i < s->n; i++)
        host_sample1(r, (double)s->victims[i].kills, "process", str_c(s->victims[i].name));
    host_family(r, METRIC_GAUGE, "earshot_oom_killed_resident_bytes",
                "Memory that the last process of this name held when it was killed.");
    for (size_t i = 0; i < s->n; i++)
        host_sample1(r, (double)s->victims[i].last_bytes, "process", str_c(s->victims[i].name));
}
