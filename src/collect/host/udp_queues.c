/* /proc/net/udp and udp6: bytes waiting in all UDP sockets. The fifth column is tx:rx in hex.
 *
 *    sl  local_address rem_address   st tx_queue rx_queue ...
 *   120: 0100007F:0035 00000000:0000 07 00000000:00000000 ...
 */
#include "collect/host/groups.h"
#include "collect/host/run.h"

struct queues {
    bool read;
    uint64_t tx, rx;
};

static bool read_socket(struct str line, struct queues *q)
{
    struct str word, tx;
    uint64_t tx_bytes, rx_bytes;

    for (int column = 0; column < 5; column++) {
        if (!scan_word(&line, &word))
            return false;
    }
    tx = str_split(&word, ':');
    if (!word.p || !scan_hex(tx, &tx_bytes) || !scan_hex(word, &rx_bytes))
        return false;
    q->tx += tx_bytes;
    q->rx += rx_bytes;
    return true;
}

static struct queues read_queues(struct host_run *r, const char *path)
{
    struct queues q = {0};
    struct str text, line;

    if (!host_read(r, FILES_PROC, path, &text))
        return q;
    q.read = scan_line(&text, &line); /* the head */
    while (scan_line(&text, &line)) {
        if (!read_socket(line, &q)) {
            host_broken(r, FILES_PROC, path, "a line is not understood");
            return (struct queues){0};
        }
    }
    host_check_end(r, FILES_PROC, path, text);
    return q;
}

void udp_queues_collect(struct host_run *r)
{
    struct queues v4 = read_queues(r, "net/udp"), v6 = read_queues(r, "net/udp6");

    if (v4.read || v6.read)
        host_family(r, METRIC_GAUGE, "node_udp_queues",
                    "Number of allocated memory in the kernel for UDP datagrams in bytes.");
    if (v4.read) {
        host_sample2(r, (double)v4.tx, "queue", STR("tx"), "ip", STR("v4"));
        host_sample2(r, (double)v4.rx, "queue", STR("rx"), "ip", STR("v4"));
    }
    if (v6.read) {
        host_sample2(r, (double)v6.tx, "queue", STR("tx"), "ip", STR("v6"));
        host_sample2(r, (double)v6.rx, "queue", STR("rx"), "ip", STR("v6"));
    }
}
