/* /sys/devices/system/edac/mc/mcN: memory errors, corrected and not. */
#include <unistd.h>

#include "collect/host/devices.h"
#include "collect/host/groups.h"
#include "collect/host/rows.h"
#include "collect/host/run.h"

static const struct {
    const char *file, *name, *help;
    const char *csrow; /* label, NULL: none */
} totals[] = {
    {"ce_count", "node_edac_correctable_errors_total", "Total correctable memory errors.", NULL},
    {"ue_count", "node_edac_uncorrectable_errors_total", "Total uncorrectable memory errors.",
     NULL},
    {"ce_noinfo_count", "node_edac_csrow_correctable_errors_total",
     "Total correctable memory errors for this csrow.", "unknown"},
    {"ue_noinfo_count", "node_edac_csrow_uncorrectable_errors_total",
     "Total uncorrectable memory errors for this csrow.", "unknown"},
};

static void add_count(struct host_run *r, struct rows *rows, int dir, const char *file, size_t kind,
                      struct str controller, struct str csrow)
{
    struct row *row;
    uint64_t v;

    if (!host_attr_u64(r, dir, file, &v) || !(row = rows_add(r, rows)))
        return;
    row->family = str_c(totals[kind].name);
    row->help = str_c(totals[kind].help);
    row->type = METRIC_COUNTER;
    row->value = (double)v;
    row->labels[0] = (struct label){STR("controller"), controller};
    row->labels[1] = (struct label){STR("csrow"), csrow};
    row->labels_n = 2;
}

static void read_csrows(struct host_run *r, struct rows *rows, int dir, struct str controller)
{
    struct files_entry *entries;
    size_t n;

    if (files_list(r->files, dir, r->scratch, &entries, &n, r->err) < 0) {
        r->stopped = true;
        return;
    }
    for (size_t i = 0; i < n && !r->stopped; i++) {
        struct str name = str_c(entries[i].name);
        int at;

        if (!str_starts(name, STR("csrow")) || (at = files_open_dir(dir, entries[i].name)) < 0)
            continue;
        add_count(r, rows, at, "ce_count", 2, controller, str_skip(name, 5));
        add_count(r, rows, at, "ue_count", 3, controller, str_skip(name, 5));
        (void)close(at);
    }
}

void edac_collect(struct host_run *r)
{
    struct device *controllers = NULL;
    struct rows rows = {0};
    int dir;
    size_t n = devices_list(r, FILES_SYS, "devices/system/edac/mc", "mc", &dir, &controllers);

    for (size_t i = 0; i < n && !r->stopped; i++) {
        int at = files_open_dir(dir, controllers[i].name);

        if (at < 0)
            continue;
        for (size_t k = 0; k < ARRAY_LEN(totals); k++)
            add_count(r, &rows, at, totals[k].file, k, controllers[i].number,
                      str_c(totals[k].csrow));
        read_csrows(r, &rows, at, controllers[i].number);
        (void)close(at);
    }
    if (!r->stopped)
        rows_emit(r, &rows);
}
