/* /sys/class/net/DEVICE: properties of each interface. */
#include <unistd.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

static const struct {
    const char *file, *name;
    enum metric_type type;
} numbers[] = {
    {"addr_assign_type", "address_assign_type", METRIC_GAUGE},
    {"carrier", "carrier", METRIC_GAUGE},
    {"carrier_changes", "carrier_changes_total", METRIC_COUNTER},
    {"carrier_up_count", "carrier_up_changes_total", METRIC_COUNTER},
    {"carrier_down_count", "carrier_down_changes_total", METRIC_COUNTER},
    {"dev_id", "device_id", METRIC_GAUGE},
    {"dormant", "dormant", METRIC_GAUGE},
    {"flags", "flags", METRIC_GAUGE},
    {"ifindex", "iface_id", METRIC_GAUGE},
    {"iflink", "iface_link", METRIC_GAUGE},
    {"link_mode", "iface_link_mode", METRIC_GAUGE},
    {"mtu", "mtu_bytes", METRIC_GAUGE},
    {"name_assign_type", "name_assign_type", METRIC_GAUGE},
    {"netdev_group", "net_dev_group", METRIC_GAUGE},
    {"speed", "speed_bytes", METRIC_GAUGE}, /* Mbit/s in the file */
    {"tx_queue_len", "transmit_queue_length", METRIC_GAUGE},
    {"type", "protocol_type", METRIC_GAUGE},
};

static const char *const texts[] = {"address", "broadcast", "duplex", "operstate", "ifalias"};
enum { OPERSTATE = 3 };

struct interface {
    struct str name;
    int64_t numbers[ARRAY_LEN(numbers)];
    bool has[ARRAY_LEN(numbers)];
    struct str texts[ARRAY_LEN(texts)];
};

static void read_interface(struct host_run *r, int dir, struct interface *i)
{
    struct str text;

    for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
        i->has[k] = host_attr_i64(r, dir, numbers[k].file, &i->numbers[k]);
    for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
        if (host_attr(r, dir, texts[k], &text))
            i->texts[k] = host_keep(r, text);
    }
}

static double value_of(const struct interface *i, size_t k)
{
    int64_t v = i->numbers[k];

    return strcmp(numbers[k].file, "speed") == 0 ? (double)(int64_t)((double)v * 1e6 / 8)
                                                 : (double)v;
}

static void emit_interfaces(struct host_run *r, const struct interface *all, size_t n)
{
    host_family(r, METRIC_GAUGE, "node_network_up",
                "Value is 1 if operstate is 'up', 0 otherwise.");
    for (size_t i = 0; i < n; i++)
        host_sample1(r, str_eq(all[i].texts[OPERSTATE], STR("up")), "device", all[i].name);

    host_family(r, METRIC_GAUGE, "node_network_info",
                "Non-numeric data from /sys/class/net/<iface>, value is always 1.");
    for (size_t i = 0; i < n; i++) {
        struct label labels[1 + ARRAY_LEN(texts)] = {{STR("device"), all[i].name}};

        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            labels[1 + k] = (struct label){str_c(texts[k]), all[i].texts[k]};
        host_sample(r, 1, labels, ARRAY_LEN(labels));
    }

    for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
        bool begun = false;

        for (size_t i = 0; i < n; i++) {
            if (!all[i].has[k])
                continue;
            if (!begun)
                host_family_join(r, numbers[k].type, STR("node_network_"), str_c(numbers[k].name),
                                 STR(""), "Network device property: ", str_c(numbers[k].name), "");
            begun = true;
            host_sample1(r, value_of(&all[i], k), "device", all[i].name);
        }
    }
}

void netclass_collect(struct host_run *r)
{
    struct files_entry *entries;
    struct interface *all;
    size_t n, found = 0;
    int dir;

    if (!host_list(r, FILES_SYS, "class/net", &dir, &entries, &n) || !n)
        return;
    all = host_new_array(r, struct interface, n);
    for (size_t i = 0; all && i < n; i++) {
        int device = entries[i].regular ? -1 : files_open_dir(dir, entries[i].name);

        if (device < 0)
            continue; /* bonding_masters, or gone since */
        all[found].name = str_c(entries[i].name);
        read_interface(r, device, &all[found++]);
        (void)close(device);
    }
    if (found)
        emit_interfaces(r, all, found);
}
