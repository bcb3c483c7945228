/* /sys/class/net/bonding_masters, and the links below each bond. */
#include <stdio.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

#define BONDS_MAX 64

struct bond {
    struct str name;
    size_t slaves, active;
};

static bool slave_is_up(struct host_run *r, int net, struct str bond, struct str slave)
{
    static const char *const forms[] = {"%.*s/lower_%.*s/bonding_slave/mii_status",
                                        "%.*s/slave_%.*s/bonding_slave/mii_status"};
    char path[160];
    struct str state;

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        (void)snprintf(path, sizeof path, forms[i], STR_ARGS(bond), STR_ARGS(slave));
        if (host_attr(r, net, path, &state))
            return str_eq(state, STR("up"));
    }
    return false;
}

static bool read_bond(struct host_run *r, int net, struct bond *b)
{
    char path[96];
    struct str slaves, slave;

    (void)snprintf(path, sizeof path, "%.*s/bonding/slaves", STR_ARGS(b->name));
    if (!host_attr(r, net, path, &slaves))
        return false;
    slaves = host_keep(r, slaves);
    while (scan_word(&slaves, &slave)) {
        b->slaves++;
        b->active += slave_is_up(r, net, b->name, slave);
    }
    return true;
}

void bonding_collect(struct host_run *r)
{
    int net = files_dir(r->files, FILES_SYS, "class/net");
    struct bond bonds[BONDS_MAX];
    size_t n = 0;
    struct str masters, name;

    if (net < 0 || !host_attr(r, net, "bonding_masters", &masters))
        return;
    masters = host_keep(r, masters);
    while (n < BONDS_MAX && scan_word(&masters, &name)) {
        bonds[n] = (struct bond){.name = name};
        n += read_bond(r, net, &bonds[n]);
    }
    if (!n)
        return;
    host_family(r, METRIC_GAUGE, "node_bonding_slaves",
                "Number of configured slaves per bonding interface.");
    for (size_t i = 0; i < n; i++)
        host_sample1(r, (double)bonds[i].slaves, "master", bonds[i].name);
    host_family(r, METRIC_GAUGE, "node_bonding_active",
                "Number of active slaves per bonding interface.");
    for (size_t i = 0; i < n; i++)
        host_sample1(r, (double)bonds[i].active, "master", bonds[i].name);
}
