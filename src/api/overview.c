#include "api/overview.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/trend.h"
#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "promql/query.h"

#define TREND_MS       (6 * 3600 * 1000LL)
#define TREND_SLICE_MS (15 * 60 * 1000LL)
#define DISKS_MAX      100
#define TOP_MAX        100

/* File systems and interfaces that stand for hardware. */
#define REAL_FS                                                                                    \
    "fstype!~\"tmpfs|devtmpfs|overlay|squashfs|ramfs|iso9660|fuse.*|nsfs|autofs\","                \
    "mountpoint!~\"/(boot|run|snap|dev|proc|sys).*\""
#define REAL_NETS "device!~\"lo|veth.*|docker.*|br-.*|virbr.*|tun.*|tap.*|ifb.*\""

static void add_quoted(struct buf *out, struct str s)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_addc(out, '\\');
        buf_addc(out, s.p[i]);
    }
    buf_addc(out, '"');
}

/* In a query $H is this host, $W the window of rates. */
static struct str expand(const struct overview_ask *ask, const char *query, struct err *err)
{
    struct buf text;
    struct str copy;

    buf_init(&text, PROMQL_TEXT_BYTES_MAX);
    for (; *query; query++) {
        if (*query != '$') {
            buf_addc(&text, *query);
        } else if (*++query == 'W') {
            buf_addf(&text, "%lldms", (long long)ask->window_ms);
        } else {
            buf_adds(&text, "job=");
            add_quoted(&text, ask->job);
            buf_adds(&text, ",instance=");
            add_quoted(&text, ask->host);
        }
    }
    copy = arena_str(ask->arena, buf_str(&text), err);
    buf_fini(&text);
    return copy;
}

static int ask_now(struct overview_ask *ask, const char *query, struct promql_result *out,
                   struct err *err)
{
    struct str text = expand(ask, query, err);

    return text.p ? ask->run(ask, text, ask->now_ms, ask->now_ms, 0, out, err) : -1;
}

static struct str label(const struct promql_series *s, const char *name)
{
    return labels_get(s->labels, str_c(name));
}

static double value(const struct promql_series *s)
{
    return s->n ? s->values[s->n - 1] : NAN;
}

/* The first value of the answer; NaN when there is none. */
static int ask_number(struct overview_ask *ask, const char *query, double *out, struct err *err)
{
    struct promql_result result;

    if (ask_now(ask, query, &result, err) < 0)
        return -1;
    *out = result.series_n ? value(&result.series[0]) : NAN;
    return 0;
}

/* --- the host's figures --- */

static int ask_host(struct overview_ask *ask, struct overview *o, struct err *err)
{
    const struct {
        const char *name;
        double *to;
    } figures[] = {
        {"node_load1", &o->load1},
        {"node_load15", &o->load15},
        {"node_memory_MemTotal_bytes", &o->memory_total_bytes},
        {"node_memory_MemAvailable_bytes", &o->memory_available_bytes},
        {"node_memory_SwapTotal_bytes", &o->swap_total_bytes},
        {"node_memory_SwapFree_bytes", &o->swap_free_bytes},
    };
    struct promql_result r;
    double idle;

    if (ask_now(ask,
                "{__name__=~\"node_load1|node_load15|node_memory_(MemTotal|MemAvailable|SwapTotal|"
                "SwapFree)_bytes|node_os_info\",$H}",
                &r, err) < 0)
        return -1;
    o->has_host = r.series_n > 0;
    for (size_t i = 0; i < r.series_n; i++) {
        struct str name = label(&r.series[i], LABEL_NAME);

        for (size_t k = 0; k < ARRAY_LEN(figures); k++) {
            if (str_eq(name, str_c(figures[k].name)))
                *figures[k].to = value(&r.series[i]);
        }
        if (str_eq(name, STR("node_os_info")))
            o->os = label(&r.series[i], "pretty_name");
    }
    if (ask_number(ask, "node_time_seconds{$H} - node_boot_time_seconds{$H}", &o->uptime_s, err) <
            0 ||
        ask_number(ask, "count(node_cpu_seconds_total{mode=\"idle\",$H})", &o->cores, err) < 0 ||
        ask_number(ask, "avg(rate(node_cpu_seconds_total{mode=\"idle\",$H}[$W]))", &idle, err) < 0)
        return -1;
    o->cpu_ratio = idle > 1 ? 0 : 1 - idle;
    return 0;
}

/* --- disks --- */

static struct overview_disk *disk_of(struct overview *o, const struct promql_series *s)
{
    struct str mountpoint = label(s, "mountpoint"), device = label(s, "device");

    for (size_t i = 0; i < o->disks_n; i++) {
        if (str_eq(o->disks[i].mountpoint, mountpoint) && str_eq(o->disks[i].device, device))
            return &o->disks[i];
    }
    if (o->disks_n == DISKS_MAX)
        return NULL;
    o->disks[o->disks_n] =
        (struct overview_disk){mountpoint, device, NAN, NAN, NAN, false, VERDICT_OK};
    return &o->disks[o->disks_n++];
}

static int by_mountpoint(const void *a, const void *b)
{
    const struct overview_disk *x = a, *y = b;

    return str_cmp(x->mountpoint, y->mountpoint);
}

static bool is_whole(const struct overview_disk *d)
{
    return d->size_bytes > 0 && d->free_bytes >= 0;
}

/* A device mounted twice is one disk: where its path is shortest. */
static bool is_second_mount(const struct overview *o, size_t at)
{
    const struct overview_disk *d = &o->disks[at];

    for (size_t i = 0; i < o->disks_n; i++) {
        const struct overview_disk *other = &o->disks[i];

        if (i != at && is_whole(other) && str_eq(other->device, d->device) &&
            (other->mountpoint.n < d->mountpoint.n ||
             (other->mountpoint.n == d->mountpoint.n && i < at)))
            return true;
    }
    return false;
}

static void keep_disks(struct overview *o)
{
    bool keep[DISKS_MAX];
    size_t kept = 0;

    qsort(o->disks, o->disks_n, sizeof *o->disks, by_mountpoint);
    for (size_t i = 0; i < o->disks_n; i++)
        keep[i] = is_whole(&o->disks[i]) && !is_second_mount(o, i);
    for (size_t i = 0; i < o->disks_n; i++) {
        if (keep[i])
            o->disks[kept++] = o->disks[i];
    }
    o->disks_n = kept;
}

static int ask_disks(struct overview_ask *ask, struct overview *o, struct err *err)
{
    struct promql_result r;

    if (ask_now(ask,
                "{__name__=~\"node_filesystem_(size_bytes|avail_bytes|readonly)\",$H," REAL_FS "}",
                &r, err) < 0)
        return -1;
    o->disks = arena_new_array(ask->arena, struct overview_disk, DISKS_MAX, err);
    if (!o->disks)
        return -1;
    for (size_t i = 0; i < r.series_n; i++) {
        struct str name = label(&r.series[i], LABEL_NAME);
        struct overview_disk *d = disk_of(o, &r.series[i]);

        if (!d)
            continue;
        if (str_eq(name, STR("node_filesystem_size_bytes")))
            d->size_bytes = value(&r.series[i]);
        else if (str_eq(name, STR("node_filesystem_avail_bytes")))
            d->free_bytes = value(&r.series[i]);
        else
            d->readonly = value(&r.series[i]) > 0;
    }
    keep_disks(o);
    return 0;
}

static int ask_trends(struct overview_ask *ask, struct overview *o, struct err *err)
{
    struct promql_result r;
    struct str query =
        expand(ask, "max_over_time(node_filesystem_avail_bytes{$H," REAL_FS "}[15m])", err);

    if (!query.p ||
        ask->run(ask, query, ask->now_ms - TREND_MS, ask->now_ms, TREND_SLICE_MS, &r, err) < 0)
        return -1;
    for (size_t i = 0; i < r.series_n; i++) {
        for (size_t k = 0; k < o->disks_n; k++) {
            struct overview_disk *d = &o->disks[k];

            if (!d->readonly && str_eq(d->mountpoint, label(&r.series[i], "mountpoint")) &&
                str_eq(d->device, label(&r.series[i], "device")))
                (void)trend_runs_out(r.series[i].ts, r.series[i].values, r.series[i].n,
                                     d->free_bytes, d->size_bytes, &d->full_in_s);
        }
    }
    return 0;
}

/* Limits of the rules HostDiskFull and RunsOutSoon. */
static void judge_disk(struct overview_disk *d, struct verdict *v)
{
    double used = 1 - d->free_bytes / d->size_bytes;
    bool soon = d->full_in_s < 3 * 86400 && used > .6;
    enum verdict_level full = used > .95 && d->free_bytes < 20e9   ? VERDICT_CRITICAL
                              : used > .90 && d->free_bytes < 50e9 ? VERDICT_WARNING
                                                                   : VERDICT_OK;
    char free_text[VERDICT_NUMBER_MAX], time_text[VERDICT_NUMBER_MAX];

    if (d->readonly)
        return;
    d->level = !soon ? full : d->full_in_s < 8 * 3600 ? VERDICT_CRITICAL : VERDICT_WARNING;
    d->level = full > d->level ? full : d->level;
    if (d->level == VERDICT_OK)
        return;
    (void)verdict_bytes(d->free_bytes, free_text);
    if (soon)
        verdict_add(v, d->level, "Disk %.*s is full in about %s, %s free", STR_ARGS(d->mountpoint),
                    verdict_duration(d->full_in_s, time_text), free_text);
    else
        verdict_add(v, d->level, "Disk %.*s is %.0f %% full, %s free", STR_ARGS(d->mountpoint),
                    floor(used * 100), free_text);
}

/* --- interfaces and processes --- */

static int ask_nets(struct overview_ask *ask, struct overview *o, struct err *err)
{
    struct promql_result in, out;

    if (ask_now(ask, "rate(node_network_receive_bytes_total{$H," REAL_NETS "}[$W])", &in, err) <
            0 ||
        ask_now(ask, "rate(node_network_transmit_bytes_total{$H," REAL_NETS "}[$W])", &out, err) <
            0)
        return -1;
    o->nets = arena_new_array(ask->arena, struct overview_net, in.series_n, err);
    if (!o->nets)
        return -1;
    for (size_t i = 0; i < in.series_n; i++) {
        struct overview_net *n = &o->nets[o->nets_n++];

        *n = (struct overview_net){label(&in.series[i], "device"), value(&in.series[i]), NAN};
        for (size_t k = 0; k < out.series_n; k++) {
            if (str_eq(label(&out.series[k], "device"), n->device))
                n->transmit_bytes_per_second = value(&out.series[k]);
        }
    }
    return 0;
}

/* Series may have been pushed by anyone, and the pid goes into JSON as it is. */
static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return s.n > 0 && s.n <= 10 && s.p[0] != '0';
}

static struct overview_process *process_of(struct overview *o, const struct promql_series *s)
{
    struct str pid = label(s, "pid"), name = label(s, "name");

    for (size_t i = 0; i < o->top_n; i++) {
        if (str_eq(o->top[i].pid, pid) && str_eq(o->top[i].name, name))
            return &o->top[i];
    }
    if (o->top_n == TOP_MAX || !is_number(pid))
        return NULL;
    o->top[o->top_n] = (struct overview_process){pid, name, NAN, NAN, NAN};
    return &o->top[o->top_n++];
}

static int by_cpu(const void *a, const void *b)
{
    const struct overview_process *x = a, *y = b;
    double cx = isnan(x->cpu_ratio) ? 0 : x->cpu_ratio, cy = isnan(y->cpu_ratio) ? 0 : y->cpu_ratio;
    double mx = isnan(x->rss_bytes) ? 0 : x->rss_bytes, my = isnan(y->rss_bytes) ? 0 : y->rss_bytes;

    return cx != cy ? (cx < cy) - (cx > cy) : (mx < my) - (mx > my);
}

static int ask_top(struct overview_ask *ask, struct overview *o, struct err *err)
{
    struct promql_result r;

    if (ask_now(ask, "{__name__=~\"earshot_top_.+\",$H}", &r, err) < 0)
        return -1;
    o->top = arena_new_array(ask->arena, struct overview_process, TOP_MAX, err);
    if (!o->top)
        return -1;
    for (size_t i = 0; i < r.series_n; i++) {
        struct str name = label(&r.series[i], LABEL_NAME);
        struct overview_process *p = process_of(o, &r.series[i]);

        if (!p)
            continue;
        if (str_eq(name, STR("earshot_top_cpu_ratio")))
            p->cpu_ratio = value(&r.series[i]);
        else if (str_eq(name, STR("earshot_top_resident_bytes")))
            p->rss_bytes = value(&r.series[i]);
        else if (str_eq(name, STR("earshot_top_io_bytes_per_second")))
            p->io_bytes_per_second = value(&r.series[i]);
    }
    qsort(o->top, o->top_n, sizeof *o->top, by_cpu);
    return 0;
}

/* --- what needs a look --- */

static struct str fault_text(const struct overview_ask *ask, struct str job, struct str instance)
{
    for (size_t i = 0; i < ask->faults_n; i++) {
        if (str_eq(ask->faults[i].job, job) && str_eq(ask->faults[i].instance, instance))
            return ask->faults[i].text;
    }
    return STR("");
}

/* This host is two targets; when both are down it is still one cause. */
static bool told_before(const struct promql_result *down, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (str_eq(label(&down->series[i], "job"), label(&down->series[at], "job")) &&
            str_eq(label(&down->series[i], "instance"), label(&down->series[at], "instance")))
            return true;
    }
    return false;
}

static int judge_targets(struct overview_ask *ask, struct overview *o, struct err *err)
{
    struct promql_result down, lost, all;

    if (ask_now(ask, "up == 0", &down, err) < 0 ||
        ask_now(
            ask,
            "max by (job) (max_over_time(up[5m])) == 0 and on (job) count by (job) (up offset 5m)",
            &lost, err) < 0 ||
        ask_now(ask, "count(up)", &all, err) < 0)
        return -1;
    o->measured = all.series_n > 0;
    for (size_t i = 0; i < down.series_n; i++) {
        struct str job = label(&down.series[i], "job");
        struct str instance = label(&down.series[i], "instance");
        struct str text = fault_text(ask, job, instance);
        enum verdict_level level = VERDICT_WARNING;

        if (told_before(&down, i))
            continue;
        for (size_t k = 0; k < lost.series_n; k++) {
            if (str_eq(label(&lost.series[k], "job"), job))
                level = VERDICT_CRITICAL; /* for five minutes, and nothing else of that job is up */
        }
        if (text.n)
            verdict_add(&o->verdict, level, "%.*s: %.*s", STR_ARGS(instance), STR_ARGS(text));
        else
            verdict_add(&o->verdict, level, "%.*s (%.*s) does not answer", STR_ARGS(instance),
                        STR_ARGS(job));
    }
    return 0;
}

/* Limits of the rule HostMemoryPressure. */
static void judge_memory(struct overview *o, double waiting)
{
    double share = o->memory_available_bytes / o->memory_total_bytes;
    bool psi = !isnan(waiting), pressed = !psi || waiting > .1;
    char left[VERDICT_NUMBER_MAX], all[VERDICT_NUMBER_MAX];

    if (!(share < (psi ? .08 : .05)) || !pressed)
        return;
    o->memory_level = share < (psi ? .04 : .02) ? VERDICT_CRITICAL : VERDICT_WARNING;
    verdict_add(&o->verdict, o->memory_level, "Memory is short: %s of %s left",
                verdict_memory(o->memory_available_bytes, left),
                verdict_memory(o->memory_total_bytes, all));
}

/* Limits of the rule HostOverloaded. */
static void judge_load(struct overview *o, double waiting)
{
    double each = o->load15 / o->cores;
    bool psi = !isnan(waiting);
    bool warning = each > (psi ? 2 : 3) && (!psi || waiting > .5);
    bool critical = each > (psi ? 4 : 6) && (!psi || waiting > .8);

    o->load_level = critical ? VERDICT_CRITICAL : warning ? VERDICT_WARNING : VERDICT_OK;
    if (warning)
        verdict_add(&o->verdict, o->load_level, "Load %.3g on %.0f %s", o->load15, o->cores,
                    o->cores > 1 ? "cores" : "core");
}

static int judge_host(struct overview_ask *ask, struct overview *o, struct err *err)
{
    double memory_waiting, cpu_waiting, killed;

    if (ask_number(ask, "rate(node_pressure_memory_waiting_seconds_total{$H}[5m])", &memory_waiting,
                   err) < 0 ||
        ask_number(ask, "rate(node_pressure_cpu_waiting_seconds_total{$H}[5m])", &cpu_waiting,
                   err) < 0 ||
        ask_number(ask, "increase(node_vmstat_oom_kill{$H}[10m])", &killed, err) < 0)
        return -1;
    if (killed > 0)
        verdict_add(&o->verdict, VERDICT_CRITICAL,
                    "The kernel killed a process for lack of memory within 10 min");
    judge_memory(o, memory_waiting);
    judge_load(o, cpu_waiting);
    for (size_t i = 0; i < o->disks_n; i++)
        judge_disk(&o->disks[i], &o->verdict);
    return 0;
}

static int ask_self(struct overview_ask *ask, struct overview *o, struct err *err)
{
    if (ask_number(ask, "process_resident_memory_bytes{job=\"earshot\"}", &o->self_rss_bytes, err) <
        0)
        return -1;
    return ask_number(ask, "rate(process_cpu_seconds_total{job=\"earshot\"}[2m])",
                      &o->self_cpu_ratio, err);
}

int overview_compute(struct overview_ask *ask, struct overview *o, struct err *err)
{
    o->name = ask->host;
    o->uptime_s = o->cpu_ratio = o->load1 = o->load15 = o->cores = NAN;
    o->memory_total_bytes = o->memory_available_bytes = NAN;
    o->swap_total_bytes = o->swap_free_bytes = NAN;
    o->memory_level = o->load_level = VERDICT_OK;
    if (ask_host(ask, o, err) < 0 || ask_disks(ask, o, err) < 0 || ask_trends(ask, o, err) < 0 ||
        ask_nets(ask, o, err) < 0 || ask_top(ask, o, err) < 0 || ask_self(ask, o, err) < 0 ||
        judge_host(ask, o, err) < 0 || judge_targets(ask, o, err) < 0)
        return -1;
    return 0;
}
