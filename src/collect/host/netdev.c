/* /proc/net/dev: traffic by interface, 8 columns received and 8 sent.
 *
 *   eth0: 206073540 5539 0 0 0 0 0 0   220423 3169 0 0 0 0 0 0
 */
#include <stdio.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"
#include "text/regex.h"

static const char *const columns[] = {
    "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
    "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
    "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
    "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed",
};

struct net {
    struct str name;
    uint64_t values[ARRAY_LEN(columns)];
    bool has_nohandler;
    uint64_t nohandler;
};

static bool read_net(struct str line, struct net *net)
{
    net->name = str_trim(str_split(&line, ':'));
    if (!net->name.n || !line.p)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (!scan_word_u64(&line, &net->values[i]))
            return false;
    }
    return true;
}

/* The one figure that /proc/net/dev has not. */
static void read_nohandler(struct host_run *r, struct net *net)
{
    int dir = files_dir(r->files, FILES_SYS, "class/net");
    char path[128];
    struct str text;

    if (dir < 0 || net->name.n > 64 || memchr(net->name.p, '/', net->name.n))
        return;
    (void)snprintf(path, sizeof path, "%.*s/statistics/rx_nohandler", STR_ARGS(net->name));
    net->has_nohandler = files_read_at(r->files, dir, path, &text) == FILES_READ &&
                         scan_u64(str_trim(text), &net->nohandler);
}

static void emit_nets(struct host_run *r, const struct net *nets, size_t n)
{
    for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
        host_family_join(r, METRIC_COUNTER, STR("node_network_"), str_c(columns[c]), STR("_total"),
                         "Network device statistic ", str_c(columns[c]), ".");
        for (size_t i = 0; i < n; i++)
            host_sample1(r, (double)nets[i].values[c], "device", nets[i].name);
    }
    host_family(r, METRIC_COUNTER, "node_network_receive_nohandler_total",
                "Network device statistic receive_nohandler.");
    for (size_t i = 0; i < n; i++) {
        if (nets[i].has_nohandler)
            host_sample1(r, (double)nets[i].nohandler, "device", nets[i].name);
    }
}

void netdev_collect(struct host_run *r)
{
    struct str text, line;
    struct net *nets = NULL;
    size_t n = 0, cap = 0;

    if (!host_read(r, FILES_PROC, "net/dev", &text))
        return;
    while (scan_line(&text, &line)) {
        struct net net = {0};

        if (memchr(line.p, '|', line.n))
            continue; /* the two lines of the head */
        if (!read_net(line, &net)) {
            host_broken(r, FILES_PROC, "net/dev", "a line is not understood");
            continue;
        }
        if (regex_matches(r->filters->nets, net.name))
            continue;
        if (arena_grow(r->scratch, (void **)&nets, &cap, n + 1, sizeof net, r->err) < 0) {
            r->stopped = true;
            return;
        }
        net.name = host_keep(r, net.name);
        nets[n++] = net;
    }
    host_check_end(r, FILES_PROC, "net/dev", text);
    for (size_t i = 0; i < n; i++)
        read_nohandler(r, &nets[i]);
    if (n)
        emit_nets(r, nets, n);
}
