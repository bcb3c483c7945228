/* /sys/class/thermal: zones and cooling devices. */
#include <unistd.h>

#include "collect/host/devices.h"
#include "collect/host/groups.h"
#include "collect/host/run.h"

struct thermal {
    struct str name, type;
    int64_t now, most; /* a zone: millidegrees, unused */
};

static size_t read_all(struct host_run *r, const char *prefix, const char *now, const char *most,
                       struct thermal **out)
{
    struct device *devices = NULL;
    int dir;
    size_t n = devices_list(r, FILES_SYS, "class/thermal", prefix, &dir, &devices);
    size_t found = 0;
    struct thermal *all = n ? host_new_array(r, struct thermal, n) : NULL;
    struct str type;

    for (size_t i = 0; all && i < n; i++) {
        struct thermal t = {.name = devices[i].number};
        int at = files_open_dir(dir, devices[i].name);

        if (at < 0)
            continue;
        if (host_attr(r, at, "type", &type)) {
            t.type = host_keep(r, type);
            if (host_attr_i64(r, at, now, &t.now) && (!most || host_attr_i64(r, at, most, &t.most)))
                all[found++] = t;
        }
        (void)close(at);
    }
    *out = all;
    return found;
}

static void emit_cooling(struct host_run *r, const struct thermal *all, size_t n)
{
    host_family(r, METRIC_GAUGE, "node_cooling_device_cur_state",
                "Current throttle state of the cooling device");
    for (size_t i = 0; i < n; i++)
        host_sample2(r, (double)all[i].now, "name", all[i].name, "type", all[i].type);
    host_family(r, METRIC_GAUGE, "node_cooling_device_max_state",
                "Maximum throttle state of the cooling device");
    for (size_t i = 0; i < n; i++)
        host_sample2(r, (double)all[i].most, "name", all[i].name, "type", all[i].type);
}

void thermal_zone_collect(struct host_run *r)
{
    struct thermal *all = NULL;
    size_t n = read_all(r, "thermal_zone", "temp", NULL, &all);

    if (n)
        host_family(r, METRIC_GAUGE, "node_thermal_zone_temp", "Zone temperature in Celsius");
    for (size_t i = 0; i < n; i++)
        host_sample2(r, (double)all[i].now / 1000.0, "zone", all[i].name, "type", all[i].type);
    n = read_all(r, "cooling_device", "cur_state", "max_state", &all);
    if (n)
        emit_cooling(r, all, n);
}
