/* /sys/class/nvme: model, serial number, firmware and state of NVMe controllers. */
#include <unistd.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

static const struct {
    const char *file, *label;
} fields[] = {
    {"firmware_rev", "firmware_revision"},
    {"model", "model"},
    {"serial", "serial"},
    {"state", "state"},
};

void nvme_collect(struct host_run *r)
{
    struct files_entry *entries;
    struct str text;
    size_t n;
    int dir;

    if (!host_list(r, FILES_SYS, "class/nvme", &dir, &entries, &n) || !n)
        return;
    host_family(r, METRIC_GAUGE, "node_nvme_info",
                "Non-numeric data from /sys/class/nvme/<device>, value is always 1.");
    for (size_t i = 0; i < n && !r->stopped; i++) {
        struct label labels[1 + ARRAY_LEN(fields)] = {{STR("device"), str_c(entries[i].name)}};
        int at = files_open_dir(dir, entries[i].name);

        if (at < 0)
            continue;
        for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
            bool has = host_attr(r, at, fields[k].file, &text);

            labels[1 + k] =
                (struct label){str_c(fields[k].label), has ? host_keep(r, text) : STR("")};
        }
        (void)close(at);
        host_sample(r, 1, labels, ARRAY_LEN(labels));
    }
}
