/* /proc/net/sockstat and sockstat6: "TCP: inuse 4 orphan 0 tw 0 alloc 4 mem 110". */
#include <stdio.h>
#include <unistd.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

static void emit_state(struct host_run *r, struct str protocol, struct str state, double value)
{
    char key[64], of[96];
    int n;

    if (protocol.n > 24 || state.n > 24)
        return;
    n = snprintf(key, sizeof key, "%.*s_%.*s", STR_ARGS(protocol), STR_ARGS(state));
    (void)snprintf(of, sizeof of, "%.*s sockets in state %.*s.", STR_ARGS(protocol),
                   STR_ARGS(state));
    host_family_join(r, METRIC_GAUGE, STR("node_sockstat_"), (struct str){key, (size_t)n}, STR(""),
                     "Number of ", str_c(of), "");
    host_sample0(r, value);
}

static void read_sockstat(struct host_run *r, const char *path)
{
    struct str text, line, state;
    uint64_t v;

    if (!host_read(r, FILES_PROC, path, &text))
        return;
    while (scan_line(&text, &line)) {
        struct str protocol = str_split(&line, ':');

        while (line.p && scan_word(&line, &state)) {
            if (!scan_word_u64(&line, &v)) {
                host_broken(r, FILES_PROC, path, "a line is not \"NAME: state number ...\"");
                break;
            }
            if (str_eq(protocol, STR("sockets"))) {
                host_value(r, METRIC_GAUGE, "node_sockstat_sockets_used",
                           "Number of IPv4 sockets in use.", (double)v);
                continue;
            }
            emit_state(r, protocol, state, (double)v);
            if (str_eq(state, STR("mem"))) /* pages in the file */
                emit_state(r, protocol, STR("mem_bytes"),
                           (double)v * (double)sysconf(_SC_PAGESIZE));
        }
    }
    host_check_end(r, FILES_PROC, path, text);
}

void sockstat_collect(struct host_run *r)
{
    read_sockstat(r, "net/sockstat");
    read_sockstat(r, "net/sockstat6");
}
