/* /proc/loadavg: "0.20 0.18 0.12 1/80 11206". */
#include "collect/host/groups.h"
#include "collect/host/run.h"

void loadavg_collect(struct host_run *r)
{
    static const char *const names[][2] = {{"node_load1", "1m load average."},
                                           {"node_load5", "5m load average."},
                                           {"node_load15", "15m load average."}};
    struct str text, line, word;
    double load[ARRAY_LEN(names)];

    if (!host_read(r, FILES_PROC, "loadavg", &text))
        return;
    if (!scan_line(&text, &line)) {
        host_broken(r, FILES_PROC, "loadavg", "the line is cut");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!scan_word(&line, &word) || !scan_decimal(word, &load[i])) {
            host_broken(r, FILES_PROC, "loadavg", "it does not begin with three numbers");
            return;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        host_value(r, METRIC_GAUGE, names[i][0], names[i][1], load[i]);
}
