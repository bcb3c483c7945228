/* /proc/stat: time by CPU and mode, interrupts, switches, forks, boot time. */
#include <stdio.h>

#include "base/mem.h"
#include "collect/host/groups.h"
#include "collect/host/run.h"

#define TICKS_PER_SECOND 100.0 /* USER_HZ: part of the kernel's ABI */
/* Idle time that runs back this far is a CPU that was taken out and put in again. */
#define HOTPLUG_TICKS 300

enum { MODES = 8, FIELDS = 10 };

/* As in the file; idle at 3. */
static const char *const modes[MODES] = {"user",   "nice", "system",  "idle",
                                         "iowait", "irq",  "softirq", "steal"};

struct cpu_times {
    char cpu[12];
    uint64_t ticks[FIELDS];
};

/* Times of the pass before: the kernel's own idle and iowait may run back by some ticks, and a
 * counter that falls would read as a restart. */
struct stat_state {
    struct cpu_times *cpus; /* owned */
    size_t n, cap;
};

void stat_free(void *state)
{
    struct stat_state *s = state;

    if (!s)
        return;
    mem_free(s->cpus);
    mem_free(s);
}

static struct cpu_times *cpu_of(struct stat_state *s, struct str cpu)
{
    struct cpu_times *c;

    for (size_t i = 0; i < s->n; i++) {
        if (str_eq(str_c(s->cpus[i].cpu), cpu))
            return &s->cpus[i];
    }
    s->cpus = mem_grow(s->cpus, &s->cap, s->n + 1, sizeof *s->cpus);
    c = &s->cpus[s->n++];
    *c = (struct cpu_times){0};
    memcpy(c->cpu, cpu.p, cpu.n);
    return c;
}

static void keep_highest(struct cpu_times *c, const uint64_t ticks[FIELDS])
{
    if (ticks[3] + HOTPLUG_TICKS <= c->ticks[3])
        memset(c->ticks, 0, sizeof c->ticks);
    for (int i = 0; i < FIELDS; i++) {
        if (ticks[i] > c->ticks[i])
            c->ticks[i] = ticks[i];
    }
}

/* "cpu0 user nice system idle iowait irq softirq steal guest guest_nice"; old kernels end early. */
static bool read_cpu(struct str line, uint64_t ticks[FIELDS])
{
    struct str word;
    int n = 0;

    while (scan_word(&line, &word)) {
        if (n == FIELDS)
            break; /* a field of a kernel to come */
        if (!scan_u64(word, &ticks[n++]))
            return false;
    }
    return n >= 4;
}

static void emit_cpus(struct host_run *r, const struct cpu_times *cpus, size_t n)
{
    host_family(r, METRIC_COUNTER, "node_cpu_seconds_total",
                "Seconds the CPUs spent in each mode.");
    for (size_t i = 0; i < n; i++) {
        for (int m = 0; m < MODES; m++)
            host_sample2(r, (double)cpus[i].ticks[m] / TICKS_PER_SECOND, "cpu", str_c(cpus[i].cpu),
                         "mode", str_c(modes[m]));
    }
    host_family(r, METRIC_COUNTER, "node_cpu_guest_seconds_total",
                "Seconds the CPUs spent in guests (VMs) for each mode.");
    for (size_t i = 0; i < n; i++) {
        struct str cpu = str_c(cpus[i].cpu);

        host_sample2(r, (double)cpus[i].ticks[8] / TICKS_PER_SECOND, "cpu", cpu, "mode",
                     STR("user"));
        host_sample2(r, (double)cpus[i].ticks[9] / TICKS_PER_SECOND, "cpu", cpu, "mode",
                     STR("nice"));
    }
}

static const struct {
    const char *key, *name, *help;
    enum metric_type type;
} singles[] = {
    {"intr", "node_intr_total", "Total number of interrupts serviced.", METRIC_COUNTER},
    {"ctxt", "node_context_switches_total", "Total number of context switches.", METRIC_COUNTER},
    {"btime", "node_boot_time_seconds", "Node boot time, in unixtime.", METRIC_GAUGE},
    {"processes", "node_forks_total", "Total number of forks.", METRIC_COUNTER},
    {"procs_running", "node_procs_running", "Number of processes in runnable state.", METRIC_GAUGE},
    {"procs_blocked", "node_procs_blocked",
     "Number of processes blocked waiting for I/O to complete.", METRIC_GAUGE},
};

static void read_single(struct host_run *r, struct str key, struct str line)
{
    for (size_t i = 0; i < ARRAY_LEN(singles); i++) {
        uint64_t v;

        if (!str_eq(key, str_c(singles[i].key)))
            continue;
        if (scan_word_u64(&line, &v))
            host_value(r, singles[i].type, singles[i].name, singles[i].help, (double)v);
        else
            host_broken(r, FILES_PROC, "stat", "a count is not a number");
    }
}

void stat_collect(struct host_run *r)
{
    struct stat_state *s = *r->state;
    struct cpu_times *seen = NULL; /* those of this pass, offline ones left out */
    size_t n = 0, cap = 0;
    struct str text, line, key;

    if (!host_read(r, FILES_PROC, "stat", &text))
        return;
    if (!s)
        *r->state = s = mem_new(struct stat_state);
    while (scan_line(&text, &line)) {
        uint64_t ticks[FIELDS] = {0};

        if (!scan_word(&line, &key))
            continue;
        if (!str_starts(key, STR("cpu"))) {
            read_single(r, key, line);
            continue;
        }
        key = str_skip(key, 3);
        if (!key.n)
            continue; /* the sum over all */
        if (key.n >= sizeof seen->cpu || !read_cpu(line, ticks)) {
            host_broken(r, FILES_PROC, "stat", "a line of a CPU is not understood");
            continue;
        }
        if (arena_grow(r->scratch, (void **)&seen, &cap, n + 1, sizeof *seen, r->err) < 0) {
            r->stopped = true;
            return;
        }
        seen[n] = *cpu_of(s, key);
        keep_highest(&seen[n], ticks);
        *cpu_of(s, key) = seen[n];
        n++;
    }
    host_check_end(r, FILES_PROC, "stat", text);
    if (n)
        emit_cpus(r, seen, n);
}
