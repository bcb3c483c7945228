/* A pass reads /proc/PID/stat of the processes there are: who it is (pid and start), whether it
 * runs another program than before, and how much it has done.
 *
 *   1. New ones, and those that run another program, are looked at: the first group whose patterns
 *      take it. A young one is looked at again at times: between fork and exec it looks like its
 *      parent, and some write their command line themselves.
 *   2. Those that none takes ask their parent: a group with `children` takes what its processes
 *      start, at any depth. They stay when their parent goes.
 *   3. Processes of a group are read in full.
 *   4. Members of the list before that are not there any more have left, and why is asked for:
 *      the kernel's log, the exit status, the count of kills of the control group.
 */
#include "collect/process/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "collect/host/pid.h"
#include "collect/host/run.h"
#include "collect/process/cgroup.h"
#include "collect/process/group.h"
#include "collect/process/identity.h"
#include "collect/process/member.h"
#include "collect/process/process_settings.h"

#define NAME_BYTES      16
#define NO_GROUP        SIZE_MAX
#define YOUNG_TICKS     (30 * PID_TICKS_PER_SECOND)
#define STRANGER_PASSES 4  /* see is_known */
#define DEPTH_MAX       64 /* of parents that are all new; what is deeper waits for the next pass */
#define WATCHED_MAX                                                                                \
    256 /* descriptors held: of further members it is harder to tell why they end                  \
         */
#define KILLED_PASSES 10
#define KILLED_MAX    256

struct process {
    uint64_t pid, inode, start, stack;
    uint64_t looked;       /* uptime when it was looked at last */
    struct member *member; /* owned; NULL: in no group */
    bool inherited;        /* it is in the group for its parent's sake */
    bool kernel;           /* a thread of the kernel's, never in a group */
    char name[NAME_BYTES];
};

struct killed {
    uint64_t pid, pass;
};

/* What this pass sees of the process at the same place in the list. */
struct seen {
    struct pid_stat stat;
    bool look;    /* decide anew */
    bool decided; /* `group` holds */
    size_t group;
};

void roster_init(struct roster *t, struct group *groups, size_t groups_n, bool is_here, int root)
{
    *t = (struct roster){.groups = groups, .groups_n = groups_n, .is_here = is_here};
    kernel_log_open(&t->kernel, root);
}

/* ---- members ---- */

static void watch(struct roster *t, struct member *m, uint64_t pid)
{
    m->watch = -1;
    if (!t->is_here || t->watched >= WATCHED_MAX)
        return;
    m->watch = exits_watch(pid);
    t->watched += m->watch >= 0;
}

static struct member *member_new(struct roster *t, struct host_run *r, struct identity *id,
                                 size_t group)
{
    struct member *m = mem_new(struct member);
    char path[CGROUP_PATH_MAX];

    m->group = group;
    m->is_new = true;
    watch(t, m, id->pid);
    cgroup_oom_file(identity_cgroup(id), path);
    if (path[0])
        m->oom = oom_join(&t->oom, r, path);
    return m;
}

static void member_free(struct roster *t, struct member *m)
{
    if (!m)
        return;
    oom_leave(&t->oom, m->oom);
    if (m->watch >= 0) {
        (void)close(m->watch);
        t->watched--;
    }
    mem_free(m);
}

void roster_fini(struct roster *t)
{
    for (size_t i = 0; i < t->n; i++)
        member_free(t, t->list[i].member);
    kernel_log_close(&t->kernel);
    oom_fini(&t->oom);
    mem_free(t->list);
    mem_free(t->next);
    mem_free(t->killed);
}

/* ---- 1: who is there ---- */

static bool read_boot(struct host_run *r, uint64_t *out)
{
    struct str text, line, word;

    if (!host_read(r, FILES_PROC, "stat", &text))
        return false;
    while (scan_line(&text, &line))
        if (scan_word(&line, &word) && str_eq(word, STR("btime")))
            return scan_word_u64(&line, out);
    return false;
}

/* What the pass before knew of the process with this pid; NULL: nothing. Both run through ascending
 * pids. */
static struct process *before(const struct roster *t, size_t *at, uint64_t pid)
{
    while (*at < t->n && t->list[*at].pid < pid)
        (*at)++;
    return *at < t->n && t->list[*at].pid == pid ? &t->list[*at] : NULL;
}

static bool runs_another(const struct process *was, const struct pid_stat *stat)
{
    if (strncmp(was->name, stat->name, NAME_BYTES - 1) != 0)
        return true;
    return was->stack && stat->stack && was->stack != stat->stack;
}

static bool is_named(const uint64_t pids[], size_t n, uint64_t pid)
{
    for (size_t i = 0; i < n; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* Of those in a pid file that was written anew, now and before. */
static size_t read_pid_files(struct roster *t, struct host_run *r, uint64_t pids[])
{
    size_t n = 0;

    for (size_t i = 0; i < t->groups_n; i++) {
        uint64_t was;

        if (!match_read_pid_file(&t->groups[i].match, r, &was))
            continue;
        pids[n++] = was;
        pids[n++] = t->groups[i].match.pid;
    }
    return n;
}

/* A young one each time that its age has doubled. */
static bool is_due(const struct process *was, const struct pass *p)
{
    uint64_t age = p->uptime > was->start ? p->uptime - was->start : 0;

    return age < YOUNG_TICKS && age >= 2 * (was->looked - was->start);
}

/* Most processes are in no group and never will be: one that is the same as in the pass before is
 * read only now and then, in case that it runs another program. */
static bool is_known(const struct process *was, const struct pass *p, const struct pid_entry *entry)
{
    return was && p->is_here && !was->member && was->inode == entry->inode &&
           (was->kernel || (p->uptime >= was->start + YOUNG_TICKS &&
                            !pass_is_turn(p, entry->pid, STRANGER_PASSES)));
}

static bool must_look(const struct process *was, const struct pass *p, const struct pid_stat *stat)
{
    if (stat->kernel || stat->state == 'Z')
        return false; /* it runs no program, or none any more */
    return !was || runs_another(was, stat) || ((!was->member || was->inherited) && is_due(was, p));
}

/* False: it has just ended, or cannot be understood. */
static bool read_process(struct pass *p, const struct pid_entry *entry, struct process *was,
                         bool again, struct seen *s, struct process *out)
{
    struct host_run *r = p->run;
    char path[32];
    struct str text;

    if (!again && is_known(was, p, entry)) {
        *out = *was;
        return true;
    }
    (void)snprintf(path, sizeof path, "%llu/stat", (unsigned long long)entry->pid);
    if (files_read_at(r->files, p->proc, path, &text) != FILES_READ)
        return false;
    if (!pid_parse_stat(text, &s->stat)) {
        host_broken(r, FILES_PROC, path, "not understood");
        return false;
    }
    if (was && was->start != s->stat.start)
        was = NULL; /* another one with its pid */
    s->look = must_look(was, p, &s->stat) || again;
    *out = was ? *was : (struct process){.pid = entry->pid, .start = s->stat.start};
    if (was)
        was->member = NULL; /* it goes with the new list */
    out->inode = entry->inode;
    out->kernel = s->stat.kernel;
    (void)snprintf(out->name, NAME_BYTES, "%.*s", NAME_BYTES - 1, s->stat.name);
    if (s->look)
        out->looked = p->uptime > s->stat.start ? p->uptime : s->stat.start;
    if (s->stat.stack)
        out->stack = s->stat.stack;
    return true;
}

static bool read_processes(struct roster *t, struct pass *p, struct seen **out, size_t *n)
{
    struct host_run *r = p->run;
    uint64_t *named = host_new_array(r, uint64_t, 2 * t->groups_n);
    size_t pids_n, at = 0, count = 0, named_n = named ? read_pid_files(t, r, named) : 0;
    struct pid_entry *pids;
    struct seen *seen;

    if (pid_list(r->files, p->proc, r->scratch, &pids, &pids_n, r->err) < 0)
        return false;
    seen = host_new_array(r, struct seen, pids_n);
    if (!seen)
        return false;
    t->next = mem_grow(t->next, &t->next_cap, pids_n + 1, sizeof *t->next);
    for (size_t i = 0; i < pids_n; i++)
        count += read_process(p, &pids[i], before(t, &at, pids[i].pid),
                              is_named(named, named_n, pids[i].pid), &seen[count], &t->next[count]);
    *out = seen;
    *n = count;
    return true;
}

/* ---- 2: which group ---- */

static size_t place_of(const struct process list[], size_t n, uint64_t pid)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (list[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && list[low].pid == pid ? low : SIZE_MAX;
}

static size_t first_match(const struct roster *t, struct identity *id)
{
    for (size_t i = 0; i < t->groups_n; i++)
        if (match_takes(&t->groups[i].match, id))
            return i;
    return NO_GROUP;
}

struct decision {
    struct roster *t;
    struct pass *p;
    struct seen *seen;
    size_t n;
};

static struct identity identity_of(const struct decision *d, size_t i)
{
    return (struct identity){
        .run = d->p->run,
        .proc = d->p->proc,
        .pid = d->t->next[i].pid,
        .start_s = (int64_t)(d->p->boot_s + d->seen[i].stat.start / PID_TICKS_PER_SECOND),
        .name = str_c(d->t->next[i].name)};
}

static size_t decide(const struct decision *d, size_t i, unsigned depth)
{
    struct process *process = &d->t->next[i];
    struct seen *s = &d->seen[i];
    struct identity id;
    size_t parent, of_parent = NO_GROUP;

    if (s->decided)
        return s->group;
    s->decided = true;
    s->group = process->member ? process->member->group : NO_GROUP;
    if (!s->look)
        return s->group;
    id = identity_of(d, i);
    s->group = first_match(d->t, &id);
    if (s->group != NO_GROUP) {
        process->inherited = false;
        return s->group;
    }
    if (process->inherited && process->member)
        return s->group = process->member->group;
    parent = place_of(d->t->next, d->n, s->stat.parent);
    if (parent != SIZE_MAX && depth < DEPTH_MAX)
        of_parent = decide(d, parent, depth + 1);
    if (of_parent != NO_GROUP && d->t->groups[of_parent].match.settings->children)
        s->group = of_parent;
    process->inherited = s->group != NO_GROUP;
    return s->group;
}

/* ---- 4: who has left, and why ---- */

static bool was_killed(const struct roster *t, uint64_t pid)
{
    for (size_t i = 0; i < t->killed_n; i++)
        if (t->killed[i].pid == pid)
            return true;
    return false;
}

static void read_kernel_log(struct roster *t)
{
    struct kernel_kill kill;
    size_t kept = 0;

    for (size_t i = 0; i < t->killed_n; i++)
        if (t->killed[i].pass + KILLED_PASSES > t->passes)
            t->killed[kept++] = t->killed[i];
    t->killed_n = kept;
    while (kernel_log_next(&t->kernel, &kill)) {
        if (t->killed_n == KILLED_MAX)
            continue; /* they count as signals then */
        t->killed = mem_grow(t->killed, &t->killed_cap, t->killed_n + 1, sizeof *t->killed);
        t->killed[t->killed_n++] = (struct killed){kill.pid, t->passes};
    }
}

static enum exit_reason why(struct roster *t, const struct process *p, bool known, int status)
{
    struct member *m = p->member;

    if (was_killed(t, p->pid)) {
        (void)oom_take(m->oom);
        return EXIT_OOM;
    }
    if (known && !exits_was_killed(status))
        return exits_judge(status);
    if (oom_take(m->oom))
        return EXIT_OOM;
    return known ? exits_judge(status) : EXIT_UNKNOWN;
}

static void leave(struct roster *t, struct host_run *r, const struct process *p, bool known,
                  int status)
{
    struct group *g = &t->groups[p->member->group];
    enum exit_reason reason = why(t, p, known, status);

    g->exits[reason]++;
    if (reason == EXIT_OOM)
        log_warn(r->log, "process",
                 "the kernel killed %s (pid %llu, group %s, %llu MB) for lack of memory", p->name,
                 (unsigned long long)p->pid, g->match.settings->name,
                 (unsigned long long)(p->member->resident_bytes >> 20));
}

/* Where the kernel does not say whom it killed, the largest was more likely. */
static int by_size(const void *a, const void *b)
{
    const struct process *x = *(const struct process *const *)a,
                         *y = *(const struct process *const *)b;
    uint64_t p = x->member->resident_bytes, q = y->member->resident_bytes;

    return (p < q) - (p > q);
}

static void count_left(struct roster *t, struct host_run *r)
{
    struct process **left = host_new_array(r, struct process *, t->n);
    size_t n = 0;

    for (size_t i = 0; left && i < t->n; i++)
        if (t->list[i].member && !t->list[i].member->has_left)
            left[n++] = &t->list[i];
    if (n)
        qsort(left, n, sizeof *left, by_size);
    for (size_t i = 0; i < n; i++) {
        int status = 0;
        bool known = exits_status(left[i]->member->watch, &status);

        leave(t, r, left[i], known, status);
    }
    for (size_t i = 0; i < t->n; i++)
        member_free(t, t->list[i].member);
}

/* Zombies have ended, and tell why as long as nobody has waited for them. */
static void count_zombies(struct roster *t, struct host_run *r, const struct seen seen[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct member *m = t->next[i].member;

        if (!m || m->has_left || !m->may_see || seen[i].stat.state != 'Z')
            continue;
        leave(t, r, &t->next[i], true, seen[i].stat.exit_status);
        m->has_left = true;
    }
}

/* ---- a pass ---- */

static void move(const struct decision *d, size_t i, size_t group)
{
    struct process *process = &d->t->next[i];
    struct identity id = identity_of(d, i);

    if (process->member && process->member->group == group)
        return;
    if (process->member) { /* it runs another program now: the one of the group has ended */
        d->t->groups[process->member->group].exits[EXIT_EXIT]++;
        if (group != NO_GROUP)
            process->member->group = group;
        else {
            member_free(d->t, process->member);
            process->member = NULL;
        }
    } else {
        process->member = member_new(d->t, d->p->run, &id, group);
    }
    if (group != NO_GROUP && d->p->number > 0)
        d->t->groups[group].starts++;
}

static void swap_lists(struct roster *t, size_t n)
{
    struct process *list = t->list;
    size_t cap = t->cap;

    t->list = t->next;
    t->cap = t->next_cap;
    t->n = n;
    t->next = list;
    t->next_cap = cap;
}

static bool begin(struct roster *t, struct host_run *r, struct pass *p)
{
    int64_t now_ns = r->clock->mono_ns(r->clock);
    struct str text;

    *p = (struct pass){.run = r,
                       .proc = files_dir(r->files, FILES_PROC, "."),
                       .is_here = t->is_here,
                       .number = t->passes,
                       .uptime_before = t->uptime,
                       .passed_s = t->passes ? (double)(now_ns - t->at_ns) / 1e9 : 0,
                       .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE)};
    if (p->proc < 0 || !host_read(r, FILES_PROC, "uptime", &text))
        return false;
    t->uptime = p->uptime = pid_uptime(text);
    t->at_ns = now_ns;
    if (!t->passes) {
        t->watched_since = p->uptime;
        if (!read_boot(r, &t->boot_s))
            return false;
    }
    p->watched_since = t->watched_since;
    p->boot_s = t->boot_s;
    return true;
}

int roster_pass(struct roster *t, struct host_run *r)
{
    struct decision d = {.t = t};
    struct pass p;

    d.p = &p;
    if (!begin(t, r, &p))
        return err_set(r->err, ERR_CORRUPT, "/proc/uptime or /proc/stat cannot be read");
    for (size_t i = 0; i < t->groups_n; i++)
        group_begin(&t->groups[i]);
    if (!read_processes(t, &p, &d.seen, &d.n))
        return err_context(r->err, "/proc");
    for (size_t i = 0; i < d.n; i++)
        (void)decide(&d, i, 0);
    for (size_t i = 0; i < d.n; i++)
        if (t->next[i].member || d.seen[i].group != NO_GROUP)
            move(&d, i, d.seen[i].group);
    for (size_t i = 0; i < d.n; i++)
        if (t->next[i].member)
            member_read(t->next[i].member, &p, t->next[i].pid, &d.seen[i].stat,
                        &t->groups[t->next[i].member->group]);
    oom_read(&t->oom, r);
    read_kernel_log(t);
    count_left(t, r);
    count_zombies(t, r, d.seen, d.n);
    swap_lists(t, d.n);
    t->partial += p.partial;
    t->passes++;
    return 0;
}
