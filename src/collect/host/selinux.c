/* /sys/fs/selinux, there only where SELinux is on; and the mode written in its configuration. */
#include "collect/host/groups.h"
#include "collect/host/run.h"

/* SELINUX=enforcing in /etc/selinux/config. -1: disabled or not said. */
static int configured_mode(struct host_run *r)
{
    struct str text, line;
    int mode = -1;

    if (files_read_at(r->files, files_root_dir(r->files, FILES_ROOT), "etc/selinux/config",
                      &text) != FILES_READ)
        return -1;
    while (scan_line(&text, &line)) {
        struct str key = str_trim(str_split(&line, '='));

        if (!line.p || !str_eq(key, STR("SELINUX")))
            continue;
        line = str_trim(line);
        mode = str_eq(line, STR("enforcing")) ? 1 : str_eq(line, STR("permissive")) ? 0 : -1;
    }
    return mode;
}

void selinux_collect(struct host_run *r)
{
    int dir = files_dir(r->files, FILES_SYS, "fs/selinux");
    uint64_t enforce;
    bool enabled = dir >= 0 && host_attr_u64(r, dir, "enforce", &enforce);

    r->present = true;
    host_value(r, METRIC_GAUGE, "node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false",
               enabled);
    if (!enabled)
        return;
    host_value(r, METRIC_GAUGE, "node_selinux_config_mode", "Configured SELinux enforcement mode",
               configured_mode(r));
    host_value(r, METRIC_GAUGE, "node_selinux_current_mode", "Current SELinux enforcement mode",
               (double)enforce);
}
