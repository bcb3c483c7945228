/* /proc/net/arp: a line a neighbour; its interface is the last column. */
#include "collect/host/groups.h"
#include "collect/host/run.h"

#define ARP_DEVICES_MAX 1024

struct device {
    struct str name;
    uint64_t entries;
};

static struct device *device_of(struct device devices[], size_t *n, struct str name)
{
    for (size_t i = 0; i < *n; i++) {
        if (str_eq(devices[i].name, name))
            return &devices[i];
    }
    if (*n == ARP_DEVICES_MAX)
        return NULL;
    devices[*n] = (struct device){.name = name};
    return &devices[(*n)++];
}

void arp_collect(struct host_run *r)
{
    struct device devices[ARP_DEVICES_MAX];
    struct str text, line, word, last;
    size_t n = 0;

    if (!host_read(r, FILES_PROC, "net/arp", &text) || !scan_line(&text, &line))
        return;
    while (scan_line(&text, &line)) {
        struct device *d;
        int words = 0;

        while (scan_word(&line, &word)) {
            last = word;
            words++;
        }
        if (words < 6) {
            host_broken(r, FILES_PROC, "net/arp", "a line has fewer than six columns");
            continue;
        }
        d = device_of(devices, &n, last);
        if (d)
            d->entries++;
    }
    host_check_end(r, FILES_PROC, "net/arp", text);
    if (n)
        host_family(r, METRIC_GAUGE, "node_arp_entries", "ARP entries by device");
    for (size_t i = 0; i < n; i++)
        host_sample1(r, (double)devices[i].entries, "device", devices[i].name);
}
