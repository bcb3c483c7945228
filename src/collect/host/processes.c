/* Processes: how many in which state, and the largest by CPU, memory and I/O.
 *
 * One pass over /proc reads PID/stat of each process; PID/io, which costs as much again, only of
 * those that ran since the pass before. Processes of this pass and the last are two lists in the
 * order of their pids, merged as they are read: a process is the same while pid and start time are.
 *
 * What is named in a label is a series in the store, so that a compiler's thousand short children
 * must not each become one: a process is shown once it is TOP_AGE_TICKS old, and only while it does
 * something.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "collect/host/groups.h"
#include "collect/host/pid.h"
#include "collect/host/run.h"

#define TOP_AGE_TICKS (10 * PID_TICKS_PER_SECOND)
#define TOP_CPU_MIN   0.001 /* of a core */
#define TOP_IO_MIN    1024  /* bytes a second */
/* Reading all processes costs as much as all the rest: at shorter intervals what the last pass
 * found is told again. A little under 5 s, so that an interval of 5 s reads each time. */
#define PASS_NS INT64_C(4500000000)

struct process {
    uint64_t pid, start, ticks, rss_pages;
    uint64_t io_bytes; /* read and written, of storage; valid when io_at_ns is not 0 */
    int64_t io_at_ns;
    double cpu_ratio, io_rate; /* over the last interval; -1: not known */
    unsigned threads;
    char state;
    bool kernel, old;
    char name[PID_NAME_MAX];
};

struct processes_state {
    struct process *list; /* owned; those of the last pass, by pid */
    size_t n, cap;
    struct process *next; /* owned; storage of the pass under way */
    size_t next_cap;
    int64_t at_ns;
};

void processes_free(void *state)
{
    struct processes_state *s = state;

    if (!s)
        return;
    mem_free(s->list);
    mem_free(s->next);
    mem_free(s);
}

static bool read_stat(struct str text, struct process *p)
{
    struct pid_stat stat;

    if (!pid_parse_stat(text, &stat))
        return false;
    p->state = stat.state;
    p->kernel = stat.kernel;
    p->ticks = stat.user_ticks + stat.system_ticks;
    p->threads = stat.threads;
    p->start = stat.start;
    p->rss_pages = stat.resident_pages;
    memcpy(p->name, stat.name, sizeof p->name);
    return true;
}

static bool read_io(struct host_run *r, int proc, uint64_t pid, uint64_t *out)
{
    char path[32];
    struct str text;
    uint64_t read, written;

    (void)snprintf(path, sizeof path, "%llu/io", (unsigned long long)pid);
    if (files_read_at(r->files, proc, path, &text) != FILES_READ || /* another user's */
        !pid_parse_io(text, &read, &written))
        return false;
    *out = read + written;
    return true;
}

/* What the pass before knew of this process; NULL: it is new. Both run through ascending pids. */
static const struct process *before(const struct processes_state *s, size_t *at,
                                    const struct process *p)
{
    while (*at < s->n && s->list[*at].pid < p->pid)
        (*at)++;
    return *at < s->n && s->list[*at].pid == p->pid && s->list[*at].start == p->start
               ? &s->list[*at]
               : NULL;
}

static void add_rates(struct host_run *r, int proc, const struct process *was, struct process *p,
                      int64_t passed_ns, int64_t now_ns)
{
    bool ran = !was || p->ticks != was->ticks || p->state == 'D';

    p->cpu_ratio = p->io_rate = -1;
    if (was) {
        p->io_bytes = was->io_bytes;
        p->io_at_ns = was->io_at_ns;
        p->io_rate = ran ? -1 : 0;
        if (passed_ns > 0 && p->ticks >= was->ticks)
            p->cpu_ratio =
                (double)(p->ticks - was->ticks) / PID_TICKS_PER_SECOND / ((double)passed_ns / 1e9);
    }
    if (p->kernel || !ran || !r->top)
        return;
    if (!read_io(r, proc, p->pid, &p->io_bytes)) {
        p->io_at_ns = 0;
        return;
    }
    if (was && was->io_at_ns && now_ns > was->io_at_ns && p->io_bytes >= was->io_bytes)
        p->io_rate =
            (double)(p->io_bytes - was->io_bytes) / ((double)(now_ns - was->io_at_ns) / 1e9);
    p->io_at_ns = now_ns;
}

static uint64_t uptime_ticks(struct host_run *r)
{
    struct str text;

    return host_read(r, FILES_PROC, "uptime", &text) ? pid_uptime(text) : 0;
}

static void read_processes(struct host_run *r, struct processes_state *s, int proc)
{
    struct pid_entry *pids;
    uint64_t uptime = uptime_ticks(r);
    size_t pids_n, n = 0, at = 0;
    int64_t now_ns = r->clock->mono_ns(r->clock);

    if (pid_list(r->files, proc, r->scratch, &pids, &pids_n, r->err) < 0) {
        r->stopped = true;
        return;
    }
    for (size_t i = 0; i < pids_n && !r->stopped; i++) {
        struct process p = {.pid = pids[i].pid};
        char path[32];
        struct str text;

        (void)snprintf(path, sizeof path, "%llu/stat", (unsigned long long)p.pid);
        if (files_read_at(r->files, proc, path, &text) != FILES_READ)
            continue; /* it has just ended */
        if (!read_stat(text, &p)) {
            host_broken(r, FILES_PROC, path, "not understood");
            continue;
        }
        p.old = uptime > p.start && uptime - p.start >= TOP_AGE_TICKS;
        add_rates(r, proc, before(s, &at, &p), &p, s->at_ns ? now_ns - s->at_ns : 0, now_ns);
        s->next = mem_grow(s->next, &s->next_cap, n + 1, sizeof *s->next);
        s->next[n++] = p;
    }
    struct process *list = s->list;
    size_t cap = s->cap;

    s->list = s->next;
    s->cap = s->next_cap;
    s->n = n;
    s->next = list;
    s->next_cap = cap;
    s->at_ns = now_ns;
}

static void emit_states(struct host_run *r, const struct processes_state *s)
{
    uint64_t by_state[128] = {0}, threads = 0, v;

    for (size_t i = 0; i < s->n; i++) {
        by_state[s->list[i].state & 127]++;
        threads += s->list[i].threads;
    }
    host_value(r, METRIC_GAUGE, "node_processes_pids", "Number of PIDs", (double)s->n);
    host_value(r, METRIC_GAUGE, "node_processes_threads", "Allocated threads in system",
               (double)threads);
    host_family(r, METRIC_GAUGE, "node_processes_state", "Number of processes in each state.");
    for (int c = 'A'; c < 127; c++) {
        char state = (char)c;

        if (by_state[c])
            host_sample1(r, (double)by_state[c], "state", (struct str){&state, 1});
    }
    if (host_read_u64(r, FILES_PROC, "sys/kernel/threads-max", &v))
        host_value(r, METRIC_GAUGE, "node_processes_max_threads", "Limit of threads in the system",
                   (double)v);
    if (host_read_u64(r, FILES_PROC, "sys/kernel/pid_max", &v))
        host_value(r, METRIC_GAUGE, "node_processes_max_processes", "Number of max PIDs limit",
                   (double)v);
}

static double cpu_of(const struct process *p)
{
    return p->cpu_ratio >= TOP_CPU_MIN ? p->cpu_ratio : 0;
}

static double resident_of(const struct process *p)
{
    return (double)p->rss_pages * (double)sysconf(_SC_PAGESIZE);
}

static double io_of(const struct process *p)
{
    return p->io_rate >= TOP_IO_MIN ? p->io_rate : 0;
}

static const struct {
    const char *name, *help;
    double (*value)(const struct process *p); /* 0: not worth a series */
} tops[] = {
    {"earshot_top_cpu_ratio", "CPU time of the processes that use most of it, in cores.", cpu_of},
    {"earshot_top_resident_bytes", "Resident memory of the processes that hold most of it.",
     resident_of},
    {"earshot_top_io_bytes_per_second",
     "Storage read and written by the processes that do most of it.", io_of},
};

struct place {
    double value;
    const struct process *process;
};

/* The r->top largest, largest first; equal ones by pid, so that they stay put. */
static size_t largest(struct host_run *r, const struct processes_state *s,
                      double (*value)(const struct process *p), struct place places[])
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct process *p = &s->list[i];
        double v = p->kernel || !p->old ? 0 : value(p);
        size_t at;

        if (v <= 0 || (n == r->top && v <= places[n - 1].value))
            continue;
        at = n < r->top ? n++ : n - 1;
        for (; at > 0 && places[at - 1].value < v; at--)
            places[at] = places[at - 1];
        places[at] = (struct place){v, p};
    }
    return n;
}

static void emit_top(struct host_run *r, const struct processes_state *s)
{
    struct place *places = host_new_array(r, struct place, r->top);

    for (size_t t = 0; places && t < ARRAY_LEN(tops); t++) {
        size_t n = largest(r, s, tops[t].value, places);

        host_family(r, METRIC_GAUGE, tops[t].name, tops[t].help);
        for (size_t i = 0; i < n; i++) {
            char pid[24];
            int length =
                snprintf(pid, sizeof pid, "%llu", (unsigned long long)places[i].process->pid);

            host_sample2(r, places[i].value, "pid", (struct str){pid, (size_t)length}, "name",
                         str_c(places[i].process->name));
        }
    }
}

void processes_collect(struct host_run *r)
{
    struct processes_state *s = *r->state;
    int proc = files_dir(r->files, FILES_PROC, ".");

    if (proc < 0)
        return;
    if (!s)
        *r->state = s = mem_new(struct processes_state);
    if (!s->at_ns || r->clock->mono_ns(r->clock) - s->at_ns >= PASS_NS)
        read_processes(r, s, proc);
    if (!s->n)
        return;
    r->present = true;
    emit_states(r, s);
    if (r->top)
        emit_top(r, s);
}
