#include "collect/host/devices.h"

#include <stdlib.h>

static int by_number(const void *a, const void *b)
{
    const struct device *x = a, *y = b;

    return x->number.n != y->number.n ? (x->number.n > y->number.n) - (x->number.n < y->number.n)
                                      : str_cmp(x->number, y->number);
}

size_t devices_list(struct host_run *r, enum files_root root, const char *path, const char *prefix,
                    int *dir, struct device **out)
{
    struct files_entry *entries;
    size_t n, found = 0;
    struct device *all;
    uint64_t number;

    if (!host_list(r, root, path, dir, &entries, &n) || !n)
        return 0;
    all = host_new_array(r, struct device, n);
    for (size_t i = 0; all && i < n; i++) {
        struct str name = str_c(entries[i].name);

        if (!str_starts(name, str_c(prefix)))
            continue;
        name = str_skip(name, strlen(prefix));
        if (scan_u64(name, &number))
            all[found++] = (struct device){name, entries[i].name};
    }
    if (found)
        qsort(all, found, sizeof *all, by_number);
    *out = all;
    return found;
}
