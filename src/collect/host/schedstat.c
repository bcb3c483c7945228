/* /proc/schedstat: "cpu0 a b c d e f RUNNING_NS WAITING_NS SLICES". */
#include "collect/host/groups.h"
#include "collect/host/run.h"

static const struct {
    const char *name, *help;
    double factor;
} columns[] = {
    {"node_schedstat_running_seconds_total", "Number of seconds CPU spent running a process.", 1e9},
    {"node_schedstat_waiting_seconds_total",
     "Number of seconds spent by processing waiting for this CPU.", 1e9},
    {"node_schedstat_timeslices_total", "Number of timeslices executed by CPU.", 1},
};

struct row {
    struct str cpu;
    uint64_t values[ARRAY_LEN(columns)];
};

static bool read_row(struct str line, struct row *row)
{
    uint64_t skipped;

    for (int i = 0; i < 6; i++) {
        if (!scan_word_u64(&line, &skipped))
            return false;
    }
    for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
        if (!scan_word_u64(&line, &row->values[c]))
            return false;
    }
    return true;
}

void schedstat_collect(struct host_run *r)
{
    struct str text, line, key;
    struct row *rows = NULL;
    size_t n = 0, cap = 0;

    if (!host_read(r, FILES_PROC, "schedstat", &text))
        return;
    while (scan_line(&text, &line)) {
        struct row row;

        if (!scan_word(&line, &key) || !str_starts(key, STR("cpu")))
            continue;
        row.cpu = str_skip(key, 3);
        if (!read_row(line, &row)) {
            host_broken(r, FILES_PROC, "schedstat", "a line of a CPU is not understood");
            continue;
        }
        if (arena_grow(r->scratch, (void **)&rows, &cap, n + 1, sizeof row, r->err) < 0) {
            r->stopped = true;
            return;
        }
        rows[n++] = row;
    }
    host_check_end(r, FILES_PROC, "schedstat", text);
    for (size_t c = 0; n && c < ARRAY_LEN(columns); c++) {
        host_family(r, METRIC_COUNTER, columns[c].name, columns[c].help);
        for (size_t i = 0; i < n; i++)
            host_sample1(r, (double)rows[i].values[c] / columns[c].factor, "cpu", rows[i].cpu);
    }
}
