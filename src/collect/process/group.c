#include "collect/process/group.h"

#include "collect/host/pid.h"
#include "collect/host/run.h"
#include "collect/process/process_settings.h"

void group_begin(struct group *g)
{
    struct group next = {.match = g->match, .counts = g->counts, .starts = g->starts};

    memcpy(next.exits, g->exits, sizeof next.exits);
    *g = next;
}

static void grow(uint64_t *sum, uint64_t now, uint64_t before)
{
    *sum += now > before ? now - before : 0;
}

void group_add_counts(struct group *g, const struct counts *now, const struct counts *before)
{
    struct counts *sum = &g->counts;

    grow(&sum->user_ticks, now->user_ticks, before->user_ticks);
    grow(&sum->system_ticks, now->system_ticks, before->system_ticks);
    grow(&sum->read_bytes, now->read_bytes, before->read_bytes);
    grow(&sum->written_bytes, now->written_bytes, before->written_bytes);
    grow(&sum->minor_faults, now->minor_faults, before->minor_faults);
    grow(&sum->major_faults, now->major_faults, before->major_faults);
    grow(&sum->voluntary, now->voluntary, before->voluntary);
    grow(&sum->nonvoluntary, now->nonvoluntary, before->nonvoluntary);
}

/* ---- families ----
 *
 * A table a family: its samples, each with the label that tells it from the others. */

static double seconds(uint64_t ticks)
{
    return (double)ticks / PID_TICKS_PER_SECOND;
}

#define VALUE(name, expression)                                                                    \
    static double name(const struct group *g)                                                      \
    {                                                                                              \
        return (double)(expression);                                                               \
    }
VALUE(processes, g->processes)
VALUE(user_seconds, seconds(g->counts.user_ticks))
VALUE(system_seconds, seconds(g->counts.system_ticks))
VALUE(read_bytes, g->counts.read_bytes)
VALUE(written_bytes, g->counts.written_bytes)
VALUE(major_faults, g->counts.major_faults)
VALUE(minor_faults, g->counts.minor_faults)
VALUE(voluntary, g->counts.voluntary)
VALUE(nonvoluntary, g->counts.nonvoluntary)
VALUE(resident, g->resident_bytes)
VALUE(virtual, g->virtual_bytes)
VALUE(swapped, g->swapped_bytes)
VALUE(descriptors, g->descriptors)
VALUE(worst_descriptors, g->worst_descriptors)
VALUE(oldest, g->oldest_s)
VALUE(youngest, g->youngest_s)
VALUE(threads, g->threads)
VALUE(running, g->states[GROUP_RUNNING])
VALUE(sleeping, g->states[GROUP_SLEEPING])
VALUE(waiting, g->states[GROUP_WAITING])
VALUE(zombies, g->states[GROUP_ZOMBIE])
VALUE(other, g->states[GROUP_OTHER])
VALUE(largest, g->largest_bytes)
VALUE(busiest, g->busiest)
VALUE(expected, g->match.settings->expect)
VALUE(starts, g->starts)
VALUE(by_exit, g->exits[EXIT_EXIT])
VALUE(by_crash, g->exits[EXIT_CRASH])
VALUE(by_signal, g->exits[EXIT_SIGNAL])
VALUE(by_oom, g->exits[EXIT_OOM])
VALUE(by_unknown, g->exits[EXIT_UNKNOWN])
#undef VALUE

static bool always(const struct group *g)
{
    (void)g;
    return true;
}

static bool when_living(const struct group *g)
{
    return g->living > 0;
}

static bool when_measured(const struct group *g)
{
    return g->has_busiest;
}

static bool when_expected(const struct group *g)
{
    return g->match.settings->expect > 0;
}

#define SAMPLES_MAX 5

static const struct {
    const char *name, *help, *label; /* label NULL: groupname alone */
    enum metric_type type;
    bool (*is_there)(const struct group *g);
    struct {
        const char *label;
        double (*value)(const struct group *g);
    } samples[SAMPLES_MAX];
} families[] = {
    {"namedprocess_namegroup_num_procs",
     "Processes of the group that live.",
     NULL,
     METRIC_GAUGE,
     always,
     {{NULL, processes}}},
    {"namedprocess_namegroup_cpu_seconds_total",
     "CPU time of the group's processes.",
     "mode",
     METRIC_COUNTER,
     always,
     {{"user", user_seconds}, {"system", system_seconds}}},
    {"namedprocess_namegroup_read_bytes_total",
     "Bytes that the group's processes had disks read.",
     NULL,
     METRIC_COUNTER,
     always,
     {{NULL, read_bytes}}},
    {"namedprocess_namegroup_write_bytes_total",
     "Bytes that the group's processes had disks write.",
     NULL,
     METRIC_COUNTER,
     always,
     {{NULL, written_bytes}}},
    {"namedprocess_namegroup_major_page_faults_total",
     "Page faults that had to wait for a disk.",
     NULL,
     METRIC_COUNTER,
     always,
     {{NULL, major_faults}}},
    {"namedprocess_namegroup_minor_page_faults_total",
     "Page faults that memory could answer.",
     NULL,
     METRIC_COUNTER,
     always,
     {{NULL, minor_faults}}},
    {"namedprocess_namegroup_context_switches_total",
     "Turns of the group's threads that ended, by whether they waited or were made to.",
     "ctxswitchtype",
     METRIC_COUNTER,
     always,
     {{"voluntary", voluntary}, {"nonvoluntary", nonvoluntary}}},
    {"namedprocess_namegroup_memory_bytes",
     "Memory of the group's processes.",
     "memtype",
     METRIC_GAUGE,
     always,
     {{"resident", resident}, {"virtual", virtual}, {"swapped", swapped}}},
    {"namedprocess_namegroup_open_filedesc",
     "Descriptors that the group's processes have open.",
     NULL,
     METRIC_GAUGE,
     always,
     {{NULL, descriptors}}},
    {"namedprocess_namegroup_worst_fd_ratio",
     "Open descriptors of the process that is nearest to its limit, as a part of that.",
     NULL,
     METRIC_GAUGE,
     always,
     {{NULL, worst_descriptors}}},
    {"namedprocess_namegroup_oldest_start_time_seconds",
     "When the oldest process of the group started, Unix time.",
     NULL,
     METRIC_GAUGE,
     when_living,
     {{NULL, oldest}}},
    {"namedprocess_namegroup_num_threads",
     "Threads of the group's processes.",
     NULL,
     METRIC_GAUGE,
     always,
     {{NULL, threads}}},
    {"namedprocess_namegroup_states",
     "Processes of the group by what the kernel says they do.",
     "state",
     METRIC_GAUGE,
     always,
     {{"Running", running},
      {"Sleeping", sleeping},
      {"Waiting", waiting},
      {"Zombie", zombies},
      {"Other", other}}},
    {"earshot_process_youngest_start_time_seconds",
     "When the youngest process of the group started, Unix time.",
     NULL,
     METRIC_GAUGE,
     when_living,
     {{NULL, youngest}}},
    {"earshot_process_max_resident_bytes",
     "Resident memory of the largest process of the group.",
     NULL,
     METRIC_GAUGE,
     when_living,
     {{NULL, largest}}},
    {"earshot_process_max_cpu_ratio",
     "CPU time of the busiest process of the group over the last interval, in cores.",
     NULL,
     METRIC_GAUGE,
     when_measured,
     {{NULL, busiest}}},
    {"earshot_process_expected",
     "Processes that the group should have at least.",
     NULL,
     METRIC_GAUGE,
     when_expected,
     {{NULL, expected}}},
    {"earshot_process_starts_total",
     "Processes that came into the group since earshot looks at it.",
     NULL,
     METRIC_COUNTER,
     always,
     {{NULL, starts}}},
    {"earshot_process_exits_total",
     "Processes that left the group since earshot looks at it, by reason.",
     "reason",
     METRIC_COUNTER,
     always,
     {{"exit", by_exit},
      {"crash", by_crash},
      {"signal", by_signal},
      {"oom", by_oom},
      {"unknown", by_unknown}}},
};

void groups_emit(const struct group *groups, size_t n, size_t set, struct host_run *r)
{
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        host_family(r, families[f].type, families[f].name, families[f].help);
        for (size_t i = 0; i < n; i++) {
            const struct group *g = &groups[i];

            if (g->match.settings->set != set || !families[f].is_there(g))
                continue;
            for (size_t s = 0; s < SAMPLES_MAX && families[f].samples[s].value; s++) {
                const char *label = families[f].samples[s].label;

                host_sample(r, families[f].samples[s].value(g),
                            (struct label[]){{STR("groupname"), str_c(g->match.settings->name)},
                                             {str_c(families[f].label), str_c(label)}},
                            label ? 2 : 1);
            }
        }
    }
}
