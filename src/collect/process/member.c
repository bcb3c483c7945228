#include "collect/process/member.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/host/pid.h"
#include "collect/host/run.h"

#define IDLE_PASSES   4
#define LIMITS_PASSES 16
#define PATH_BYTES    64

static bool read_file(struct pass *p, uint64_t pid, const char *name, struct str *out)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof path, "%llu/%s", (unsigned long long)pid, name);
    return files_read_at(p->run->files, p->proc, path, out) == FILES_READ;
}

/* The number behind "key:"; false: it stays as it is. */
static bool take_value(struct str line, struct str key, uint64_t *out)
{
    if (!str_starts(line, key))
        return false;
    line = str_skip(line, key.n);
    return scan_word_u64(&line, out);
}

static void add_switches(struct str text, struct counts *c)
{
    struct str line;
    uint64_t v;

    while (scan_line(&text, &line)) {
        if (take_value(line, STR("voluntary_ctxt_switches:"), &v))
            c->voluntary += v;
        else if (take_value(line, STR("nonvoluntary_ctxt_switches:"), &v))
            c->nonvoluntary += v;
    }
}

/* The process's own file speaks of its first thread alone. */
static void add_threads(struct pass *p, uint64_t pid, struct counts *c)
{
    struct host_run *r = p->run;
    struct files_entry *tasks;
    char path[PATH_BYTES];
    size_t n = 0;
    int dir;

    (void)snprintf(path, sizeof path, "%llu/task", (unsigned long long)pid);
    dir = files_open_dir(p->proc, path);
    if (dir < 0)
        return;
    if (files_list(r->files, dir, r->scratch, &tasks, &n, r->err) < 0)
        n = 0; /* it has just ended */
    for (size_t i = 0; i < n; i++) {
        struct str text;

        (void)snprintf(path, sizeof path, "%.20s/status", tasks[i].name);
        if (files_read_at(r->files, dir, path, &text) == FILES_READ)
            add_switches(text, c);
    }
    (void)close(dir);
}

static void read_status(struct member *m, struct pass *p, uint64_t pid, unsigned threads,
                        struct counts *c)
{
    struct str text, line, rest;

    if (!read_file(p, pid, "status", &text))
        return;
    rest = text;
    while (scan_line(&rest, &line)) {
        if (take_value(line, STR("VmSwap:"), &m->swapped_bytes)) {
            m->swapped_bytes *= 1024;
            break;
        }
    }
    c->voluntary = c->nonvoluntary = 0;
    if (threads > 1)
        add_threads(p, pid, c);
    else
        add_switches(text, c);
}

static bool read_io(struct pass *p, uint64_t pid, struct counts *c)
{
    struct str text;
    uint64_t read, written;

    if (!read_file(p, pid, "io", &text) || !pid_parse_io(text, &read, &written))
        return false;
    c->read_bytes = read;
    c->written_bytes = written;
    return true;
}

/* Max open files   1024   1048576   files */
static void read_limits(struct member *m, struct pass *p, uint64_t pid)
{
    static const struct str key = {"Max open files", 14};
    struct str text, line;

    m->descriptors_max = 0;
    if (!read_file(p, pid, "limits", &text))
        return;
    while (scan_line(&text, &line))
        if (take_value(line, key, &m->descriptors_max))
            return;
}

/* From Linux 6.2 on the folder's size is their number, for everyone. */
static bool count_descriptors(struct pass *p, uint64_t pid, uint64_t *out)
{
    struct host_run *r = p->run;
    struct files_entry *entries;
    char path[PATH_BYTES];
    struct stat st;
    size_t n = 0;
    int dir;

    (void)snprintf(path, sizeof path, "%llu/fd", (unsigned long long)pid);
    if (fstatat(p->proc, path, &st, 0) < 0)
        return false;
    *out = (uint64_t)st.st_size;
    if (p->is_here && st.st_size > 0)
        return true;
    dir = files_open_dir(p->proc, path);
    if (dir < 0)
        return false;
    if (files_list(r->files, dir, r->scratch, &entries, &n, r->err) < 0)
        n = 0; /* it has just ended */
    (void)close(dir);
    *out = n;
    return true;
}

static enum group_state state_of(char c)
{
    switch (c) {
    case 'R':
        return GROUP_RUNNING;
    case 'S':
        return GROUP_SLEEPING;
    case 'D':
        return GROUP_WAITING;
    case 'Z':
        return GROUP_ZOMBIE;
    default:
        return GROUP_OTHER;
    }
}

static void measure_cpu(const struct member *m, const struct pass *p, const struct pid_stat *stat,
                        struct group *g)
{
    uint64_t now = stat->user_ticks + stat->system_ticks;
    uint64_t before = m->counts.user_ticks + m->counts.system_ticks;
    double ratio;

    if (p->passed_s <= 0 || (m->is_new && stat->start < p->uptime_before))
        return;
    if (m->is_new)
        before = 0;
    ratio = now > before ? (double)(now - before) / PID_TICKS_PER_SECOND / p->passed_s : 0;
    g->busiest = ratio > g->busiest ? ratio : g->busiest;
    g->has_busiest = true;
}

static void add_gauges(struct member *m, struct pass *p, const struct pid_stat *stat,
                       struct group *g)
{
    uint64_t start_s = p->boot_s + stat->start / PID_TICKS_PER_SECOND;

    g->processes++;
    g->states[state_of(stat->state)]++;
    g->threads += stat->threads;
    if (stat->state == 'Z')
        return;
    m->resident_bytes = stat->resident_pages * p->page_bytes;
    g->resident_bytes += m->resident_bytes;
    g->virtual_bytes += stat->virtual_bytes;
    g->swapped_bytes += m->swapped_bytes;
    if (m->resident_bytes > g->largest_bytes)
        g->largest_bytes = m->resident_bytes;
    if (!g->living || start_s < g->oldest_s)
        g->oldest_s = start_s;
    if (!g->living || start_s > g->youngest_s)
        g->youngest_s = start_s;
    g->living++;
}

bool pass_is_turn(const struct pass *p, uint64_t pid, unsigned passes)
{
    return (p->number + pid) % passes == 0;
}

void member_read(struct member *m, struct pass *pass, uint64_t pid, const struct pid_stat *stat,
                 struct group *group)
{
    struct counts now = m->counts;
    uint64_t open;
    bool ran = m->is_new || stat->state == 'D' || stat->user_ticks != m->counts.user_ticks ||
               stat->system_ticks != m->counts.system_ticks;

    measure_cpu(m, pass, stat, group);
    now.user_ticks = stat->user_ticks;
    now.system_ticks = stat->system_ticks;
    now.minor_faults = stat->minor_faults;
    now.major_faults = stat->major_faults;
    if (stat->state != 'Z') {
        if (ran || pass_is_turn(pass, pid, IDLE_PASSES)) {
            read_status(m, pass, pid, stat->threads, &now);
            pass->partial += !read_io(pass, pid, &now);
        }
        if (m->is_new || pass_is_turn(pass, pid, LIMITS_PASSES))
            read_limits(m, pass, pid);
        if (count_descriptors(pass, pid, &open)) {
            group->descriptors += open;
            if (m->descriptors_max &&
                (double)open / (double)m->descriptors_max > group->worst_descriptors)
                group->worst_descriptors = (double)open / (double)m->descriptors_max;
        }
    }
    /* What one that ran before did until now is nobody's. */
    if (m->is_new && stat->start < pass->watched_since)
        m->counts = now;
    group_add_counts(group, &now, &m->counts);
    m->counts = now;
    add_gauges(m, pass, stat, group);
    m->may_see |= stat->stack != 0;
    m->is_new = false;
}
