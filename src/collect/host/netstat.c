/* /proc/net/netstat, snmp and snmp6: counters of the protocols, those node_exporter takes.
 *
 * netstat and snmp come in pairs of lines, names above values:   Tcp: RtoAlgorithm RtoMin ...
 *                                                                Tcp: 1 200 ...
 * snmp6 has one a line:                                          Ip6InReceives  6
 */
#include <stdio.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

static bool one_of(struct str name, const char *const names[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(name, str_c(names[i])))
            return true;
    }
    return false;
}

/* node_exporter's default of --collector.netstat.fields, as code: some 350 names a pass. */
static bool is_wanted(struct str protocol, struct str name)
{
    static const char *const octets[] = {"InOctets", "OutOctets"};
    static const char *const msgs[] = {"InMsgs", "OutMsgs"};
    static const char *const tcp[] = {"ActiveOpens",  "InSegs",      "OutSegs",  "OutRsts",
                                      "PassiveOpens", "RetransSegs", "CurrEstab"};
    static const char *const udp[] = {"InDatagrams", "OutDatagrams", "NoPorts", "RcvbufErrors",
                                      "SndbufErrors"};

    if (str_eq(name, STR("InErrors")) || str_eq(name, STR("InErrs")))
        return true;
    if (str_eq(protocol, STR("Ip")))
        return str_eq(name, STR("Forwarding"));
    if (str_eq(protocol, STR("Ip6")) || str_eq(protocol, STR("IpExt")))
        return one_of(name, octets, ARRAY_LEN(octets));
    if (str_eq(protocol, STR("Icmp")) || str_eq(protocol, STR("Icmp6")))
        return one_of(name, msgs, ARRAY_LEN(msgs));
    if (str_eq(protocol, STR("Tcp")))
        return one_of(name, tcp, ARRAY_LEN(tcp));
    if (str_eq(protocol, STR("Udp")) || str_eq(protocol, STR("Udp6")))
        return one_of(name, udp, ARRAY_LEN(udp));
    if (str_eq(protocol, STR("TcpExt")))
        return str_starts(name, STR("Listen")) || str_starts(name, STR("Syncookies")) ||
               str_eq(name, STR("TCPSynRetrans")) || str_eq(name, STR("TCPTimeouts"));
    return false;
}

static void emit_field(struct host_run *r, const char *path, struct str protocol, struct str name,
                       struct str value)
{
    char key[64], joined[64];
    int64_t v; /* Tcp_MaxConn is -1 */
    int n;

    if (protocol.n + name.n + 2 > sizeof key)
        return;
    if (!scan_i64(value, &v)) {
        host_broken(r, FILES_PROC, path, "a value is not a number");
        return;
    }
    n = snprintf(key, sizeof key, "%.*s_%.*s", STR_ARGS(protocol), STR_ARGS(name));
    (void)snprintf(joined, sizeof joined, "%.*s%.*s.", STR_ARGS(protocol), STR_ARGS(name));
    host_family_join(r, METRIC_UNKNOWN, STR("node_netstat_"), (struct str){key, (size_t)n}, STR(""),
                     "Statistic ", str_c(joined), "");
    host_sample0(r, (double)v);
}

static void read_pairs(struct host_run *r, const char *path)
{
    struct str text, names, values, protocol, name, value;

    if (!host_read(r, FILES_PROC, path, &text))
        return;
    while (scan_line(&text, &names) && scan_line(&text, &values)) {
        protocol = str_split(&names, ':');
        if (!names.p || !str_eq(str_split(&values, ':'), protocol) || !values.p) {
            host_broken(r, FILES_PROC, path, "names and values do not pair");
            return;
        }
        while (scan_word(&names, &name)) {
            if (!scan_word(&values, &value)) {
                host_broken(r, FILES_PROC, path, "fewer values than names");
                break;
            }
            if (is_wanted(protocol, name))
                emit_field(r, path, protocol, name, value);
        }
    }
    host_check_end(r, FILES_PROC, path, text);
}

static void read_snmp6(struct host_run *r)
{
    struct str text, line, key, value;

    if (!host_read(r, FILES_PROC, "net/snmp6", &text))
        return;
    while (scan_line(&text, &line)) {
        const char *six;
        struct str protocol;

        if (!scan_word(&line, &key) || !scan_word(&line, &value))
            continue;
        six = memchr(key.p, '6', key.n);
        if (!six)
            continue;
        protocol = str_take(key, (size_t)(six - key.p) + 1);
        if (is_wanted(protocol, str_skip(key, protocol.n)))
            emit_field(r, "net/snmp6", protocol, str_skip(key, protocol.n), value);
    }
    host_check_end(r, FILES_PROC, "net/snmp6", text);
}

void netstat_collect(struct host_run *r)
{
    read_pairs(r, "net/netstat");
    read_pairs(r, "net/snmp");
    read_snmp6(r);
}
