/* /proc/net/softnet_stat: one line a CPU, in hexadecimal: processed dropped squeezed ... */
#include <stdio.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

#define SOFTNET_CPUS_MAX 8192

static const struct {
    const char *name, *help;
} columns[] = {
    {"node_softnet_processed_total", "Number of processed packets"},
    {"node_softnet_dropped_total", "Number of dropped packets"},
    {"node_softnet_times_squeezed_total", "Number of times processing packets ran out of quota"},
};

struct row {
    uint64_t values[ARRAY_LEN(columns)];
};

static void emit_rows(struct host_run *r, const struct row *rows, size_t n)
{
    for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
        host_family(r, METRIC_COUNTER, columns[c].name, columns[c].help);
        for (size_t i = 0; i < n; i++) {
            char cpu[24];
            int len = snprintf(cpu, sizeof cpu, "%zu", i);

            host_sample1(r, (double)rows[i].values[c], "cpu", (struct str){cpu, (size_t)len});
        }
    }
}

void softnet_collect(struct host_run *r)
{
    struct str text, line, word;
    struct row *rows = NULL;
    size_t n = 0, cap = 0;

    if (!host_read(r, FILES_PROC, "net/softnet_stat", &text))
        return;
    while (n < SOFTNET_CPUS_MAX && scan_line(&text, &line)) {
        struct row row;

        for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
            if (!scan_word(&line, &word) || !scan_hex(word, &row.values[c])) {
                /* A line stands for a CPU by its place: without it the others are not known. */
                host_broken(r, FILES_PROC, "net/softnet_stat", "a line is not understood");
                return;
            }
        }
        if (arena_grow(r->scratch, (void **)&rows, &cap, n + 1, sizeof row, r->err) < 0) {
            r->stopped = true;
            return;
        }
        rows[n++] = row;
    }
    host_check_end(r, FILES_PROC, "net/softnet_stat", text);
    if (n)
        emit_rows(r, rows, n);
}
