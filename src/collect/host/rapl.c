/* /sys/class/powercap: energy that packages, cores and memory have used. Readable by root only on
 * most systems. */
#include <stdlib.h>
#include <unistd.h>

#include "collect/host/groups.h"
#include "collect/host/rows.h"
#include "collect/host/run.h"

#define POWERCAP_PATH "class/powercap"

struct zone {
    struct str name;
    uint64_t index;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct files_entry *)a)->name, ((const struct files_entry *)b)->name);
}

/* "package-0" is package with index 0; "core" counts the zones of that name before it. */
static struct zone zone_of(struct str text, const struct zone *before, size_t n)
{
    struct str rest = text, head = str_split(&rest, '-');
    struct zone z = {.name = text};

    if (rest.p && scan_u64(rest, &z.index)) {
        z.name = head;
        return z;
    }
    for (size_t i = 0; i < n; i++) {
        if (str_eq(before[i].name, text))
            z.index = before[i].index + 1;
    }
    return z;
}

static void add_zone(struct host_run *r, struct rows *rows, const struct zone *z,
                     const char *folder, uint64_t microjoules)
{
    struct row *row = rows_add(r, rows);
    char *index, *path;

    if (!row)
        return;
    index = arena_printf(r->scratch, r->err, "%llu", (unsigned long long)z->index);
    path = arena_printf(r->scratch, r->err, "%s/" POWERCAP_PATH "/%s",
                        files_root_path(r->files, FILES_SYS), folder);
    row->family = rows_name(r, "node_rapl_", z->name, "_joules_total");
    row->help = str_c(
        arena_printf(r->scratch, r->err, "Current RAPL %.*s value in joules", STR_ARGS(z->name)));
    row->type = METRIC_COUNTER;
    row->value = (double)microjoules / 1e6;
    row->labels[0] = (struct label){STR("index"), str_c(index)};
    row->labels[1] = (struct label){STR("path"), str_c(path)};
    row->labels_n = 2;
    r->stopped |= !index || !path || !row->help.p;
}

void rapl_collect(struct host_run *r)
{
    struct files_entry *entries;
    struct zone *zones;
    struct rows rows = {0};
    size_t n, found = 0;
    int dir;

    if (!host_list(r, FILES_SYS, POWERCAP_PATH, &dir, &entries, &n) || !n)
        return;
    qsort(entries, n, sizeof *entries, by_name);
    zones = host_new_array(r, struct zone, n);
    for (size_t i = 0; zones && i < n && !r->stopped; i++) {
        int at = files_open_dir(dir, entries[i].name);
        struct str name;
        uint64_t microjoules;

        if (at < 0)
            continue;
        if (host_attr(r, at, "name", &name)) {
            zones[found] = zone_of(host_keep(r, name), zones, found);
            if (host_attr_u64(r, at, "energy_uj", &microjoules))
                add_zone(r, &rows, &zones[found], entries[i].name, microjoules);
            found++;
        }
        (void)close(at);
    }
    if (!r->stopped)
        rows_emit(r, &rows);
}
