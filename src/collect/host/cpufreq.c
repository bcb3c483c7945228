/* /sys/devices/system/cpu/cpuN/cpufreq. The kernel may make the reader of a current frequency wait
 * some milliseconds for each CPU. */
#include <unistd.h>

#include "collect/host/devices.h"
#include "collect/host/groups.h"
#include "collect/host/run.h"

static const struct {
    const char *file, *name, *help;
} columns[] = {
    {"cpuinfo_cur_freq", "node_cpu_frequency_hertz", "Current cpu thread frequency in hertz."},
    {"cpuinfo_min_freq", "node_cpu_frequency_min_hertz", "Minimum cpu thread frequency in hertz."},
    {"cpuinfo_max_freq", "node_cpu_frequency_max_hertz", "Maximum cpu thread frequency in hertz."},
    {"scaling_cur_freq", "node_cpu_scaling_frequency_hertz",
     "Current scaled CPU thread frequency in hertz."},
    {"scaling_min_freq", "node_cpu_scaling_frequency_min_hertz",
     "Minimum scaled CPU thread frequency in hertz."},
    {"scaling_max_freq", "node_cpu_scaling_frequency_max_hertz",
     "Maximum scaled CPU thread frequency in hertz."},
};

struct frequencies {
    uint64_t khz[ARRAY_LEN(columns)];
    bool has[ARRAY_LEN(columns)];
};

static void read_frequencies(struct host_run *r, int cpus, const char *cpu, struct frequencies *f)
{
    int dir = files_open_dir(cpus, cpu), freq;

    if (dir < 0)
        return;
    freq = files_open_dir(dir, "cpufreq");
    for (size_t c = 0; freq >= 0 && c < ARRAY_LEN(columns); c++)
        f->has[c] = host_attr_u64(r, freq, columns[c].file, &f->khz[c]);
    if (freq >= 0)
        (void)close(freq);
    (void)close(dir);
}

void cpufreq_collect(struct host_run *r)
{
    struct device *cpus = NULL;
    int dir;
    size_t n = devices_list(r, FILES_SYS, "devices/system/cpu", "cpu", &dir, &cpus);
    struct frequencies *all = n ? host_new_array(r, struct frequencies, n) : NULL;

    if (!all)
        return;
    for (size_t i = 0; i < n; i++)
        read_frequencies(r, dir, cpus[i].name, &all[i]);
    for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
        bool begun = false;

        for (size_t i = 0; i < n; i++) {
            if (!all[i].has[c])
                continue;
            if (!begun)
                host_family(r, METRIC_GAUGE, columns[c].name, columns[c].help);
            begun = true;
            host_sample1(r, (double)all[i].khz[c] * 1000, "cpu", cpus[i].number);
        }
    }
}
