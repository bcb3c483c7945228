/* /proc/pressure/RESOURCE: "some avg10=0.00 avg60=0.00 avg300=0.00 total=12", and "full ...". */
#include "collect/host/groups.h"
#include "collect/host/run.h"

static const struct {
    const char *path, *level, *name, *help;
} pressures[] = {
    {"pressure/cpu", "some", "node_pressure_cpu_waiting_seconds_total",
     "Total time in seconds that processes have waited for CPU time"},
    {"pressure/io", "some", "node_pressure_io_waiting_seconds_total",
     "Total time in seconds that processes have waited due to IO congestion"},
    {"pressure/io", "full", "node_pressure_io_stalled_seconds_total",
     "Total time in seconds no process could make progress due to IO congestion"},
    {"pressure/memory", "some", "node_pressure_memory_waiting_seconds_total",
     "Total time in seconds that processes have waited for memory"},
    {"pressure/memory", "full", "node_pressure_memory_stalled_seconds_total",
     "Total time in seconds no process could make progress due to memory congestion"},
};

static bool find_total(struct str text, const char *level, uint64_t *out)
{
    struct str line, word;

    while (scan_line(&text, &line)) {
        if (!scan_word(&line, &word) || !str_eq(word, str_c(level)))
            continue;
        while (scan_word(&line, &word)) {
            if (str_starts(word, STR("total=")))
                return scan_u64(str_skip(word, 6), out);
        }
    }
    return false;
}

void pressure_collect(struct host_run *r)
{
    struct str text = {0};
    bool read = false;

    if (!r->psi)
        return;
    for (size_t i = 0; i < ARRAY_LEN(pressures); i++) {
        uint64_t us;

        if (i == 0 || strcmp(pressures[i].path, pressures[i - 1].path) != 0)
            read = host_read(r, FILES_PROC, pressures[i].path, &text);
        if (!read)
            continue;
        if (find_total(text, pressures[i].level, &us))
            host_value(r, METRIC_COUNTER, pressures[i].name, pressures[i].help,
                       (double)us / 1000.0 / 1000.0);
        else
            host_broken(r, FILES_PROC, pressures[i].path, "no total= in it");
    }
}
