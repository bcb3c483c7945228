/* The clock, its zone and its sources. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

#define SOURCES_PATH "devices/system/clocksource"

static void emit_clock(struct host_run *r)
{
    ts_ms now = r->clock->wall_ms(r->clock);
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;

    host_value(r, METRIC_GAUGE, "node_time_seconds", "System time in seconds since epoch (1970).",
               (double)now / 1000);
    if (r->far || !localtime_r(&seconds, &tm))
        return; /* the zone is this machine's */
    host_family(r, METRIC_GAUGE, "node_time_zone_offset_seconds",
                "System time zone offset in seconds.");
    host_sample1(r, (double)tm.tm_gmtoff, "time_zone", str_c(tm.tm_zone));
}

struct source {
    struct str device, available, current;
};

static size_t read_sources(struct host_run *r, struct source **out)
{
    struct files_entry *entries;
    struct source *all;
    size_t n, found = 0;
    int dir;

    if (!host_list(r, FILES_SYS, SOURCES_PATH, &dir, &entries, &n))
        return 0;
    all = host_new_array(r, struct source, n);
    for (size_t i = 0; all && i < n; i++) {
        struct str name = str_c(entries[i].name), text;
        int device;

        if (!str_starts(name, STR("clocksource")))
            continue;
        device = files_open_dir(dir, entries[i].name);
        if (device < 0)
            continue;
        all[found].device = str_skip(name, sizeof "clocksource" - 1);
        if (host_attr(r, device, "available_clocksource", &text))
            all[found].available = host_keep(r, text);
        if (host_attr(r, device, "current_clocksource", &text))
            all[found++].current = host_keep(r, text);
        (void)close(device);
    }
    *out = all;
    return found;
}

void time_collect(struct host_run *r)
{
    struct source *sources = NULL;
    size_t n = read_sources(r, &sources);
    struct str word;

    r->present = true;
    emit_clock(r);
    if (!n)
        return;
    host_family(r, METRIC_GAUGE, "node_time_clocksource_available_info",
                "Available clocksources read from '/sys/devices/system/clocksource'.");
    for (size_t i = 0; i < n; i++) {
        for (struct str rest = sources[i].available; scan_word(&rest, &word);)
            host_sample2(r, 1, "device", sources[i].device, "clocksource", word);
    }
    host_family(r, METRIC_GAUGE, "node_time_clocksource_current_info",
                "Current clocksource read from '/sys/devices/system/clocksource'.");
    for (size_t i = 0; i < n; i++)
        host_sample2(r, 1, "device", sources[i].device, "clocksource", sources[i].current);
}
