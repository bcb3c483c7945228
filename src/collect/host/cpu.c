/* /sys/devices/system/cpu: throttling and isolation. Times by CPU are in stat.c. */
#include <stdio.h>
#include <unistd.h>

#include "collect/host/devices.h"
#include "collect/host/groups.h"
#include "collect/host/run.h"

#define CPU_PATH     "devices/system/cpu"
#define ISOLATED_MAX 8192

struct throttle {
    uint64_t package, core;
    bool has_core, has_package, first_of_package;
    uint64_t core_throttles, package_throttles;
};

static bool same_core(const struct throttle *all, size_t n, const struct throttle *t)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].package == t->package && all[i].core == t->core)
            return true;
    }
    return false;
}

static bool first_of_package(const struct throttle *all, size_t n, uint64_t package)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].package == package)
            return false;
    }
    return true;
}

/* One entry a core: its threads share the counters. */
static size_t read_throttles(struct host_run *r, struct throttle **out)
{
    struct device *cpus = NULL;
    int dir;
    size_t n = devices_list(r, FILES_SYS, CPU_PATH, "cpu", &dir, &cpus), found = 0;
    struct throttle *all = n ? host_new_array(r, struct throttle, n) : NULL;

    for (size_t i = 0; all && i < n; i++) {
        struct throttle t = {0};
        int cpu = files_open_dir(dir, cpus[i].name);

        if (cpu < 0)
            continue;
        if (host_attr_u64(r, cpu, "topology/physical_package_id", &t.package) &&
            host_attr_u64(r, cpu, "topology/core_id", &t.core) && !same_core(all, found, &t)) {
            t.first_of_package = first_of_package(all, found, t.package);
            t.has_core =
                host_attr_u64(r, cpu, "thermal_throttle/core_throttle_count", &t.core_throttles);
            t.has_package = host_attr_u64(r, cpu, "thermal_throttle/package_throttle_count",
                                          &t.package_throttles);
            all[found++] = t;
        }
        (void)close(cpu);
    }
    *out = all;
    return found;
}

static struct str number(char out[24], uint64_t v)
{
    return (struct str){out, (size_t)snprintf(out, 24, "%llu", (unsigned long long)v)};
}

static void emit_throttles(struct host_run *r, const struct throttle *all, size_t n)
{
    char package[24], core[24];
    bool begun = false;

    for (size_t i = 0; i < n; i++) {
        if (!all[i].has_core)
            continue;
        if (!begun)
            host_family(r, METRIC_COUNTER, "node_cpu_core_throttles_total",
                        "Number of times this CPU core has been throttled.");
        begun = true;
        host_sample2(r, (double)all[i].core_throttles, "package", number(package, all[i].package),
                     "core", number(core, all[i].core));
    }
    begun = false;
    for (size_t i = 0; i < n; i++) {
        if (!all[i].has_package || !all[i].first_of_package)
            continue;
        if (!begun)
            host_family(r, METRIC_COUNTER, "node_cpu_package_throttles_total",
                        "Number of times this CPU package has been throttled.");
        begun = true;
        host_sample1(r, (double)all[i].package_throttles, "package",
                     number(package, all[i].package));
    }
}

/* "1,4-7" */
static void emit_isolated(struct host_run *r)
{
    int dir = files_dir(r->files, FILES_SYS, CPU_PATH);
    struct str text;
    size_t n = 0;

    if (dir < 0 || !host_attr(r, dir, "isolated", &text))
        return;
    while (text.n) {
        struct str last = str_split(&text, ','), first = str_split(&last, '-');
        uint64_t from, to;
        char cpu[24];

        if (!scan_u64(first, &from) || (last.p && !scan_u64(last, &to))) {
            host_broken(r, FILES_SYS, CPU_PATH "/isolated", "not a list of CPUs");
            return;
        }
        for (to = last.p ? to : from; from <= to && n < ISOLATED_MAX; from++) {
            if (n++ == 0)
                host_family(r, METRIC_GAUGE, "node_cpu_isolated",
                            "Whether each core is isolated, information from "
                            "/sys/devices/system/cpu/isolated.");
            host_sample1(r, 1, "cpu", number(cpu, from));
        }
    }
}

void cpu_collect(struct host_run *r)
{
    struct throttle *throttles = NULL;
    size_t n = read_throttles(r, &throttles);

    emit_throttles(r, throttles, n);
    emit_isolated(r);
}
