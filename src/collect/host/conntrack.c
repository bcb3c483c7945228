/* Connection tracking: two numbers of sysctl, and /proc/net/stat/nf_conntrack, a head and one line
 * a CPU in hexadecimal, summed here. */
#include "collect/host/groups.h"
#include "collect/host/run.h"

#define STAT_PATH "net/stat/nf_conntrack"

/* The column's name in the head, and ours. `ignore` and others went in newer kernels, their columns
 * stayed. */
static const struct {
    const char *column, *name, *help;
} stats[] = {
    {"found", "node_nf_conntrack_stat_found", "Number of searched entries which were successful."},
    {"invalid", "node_nf_conntrack_stat_invalid",
     "Number of packets seen which can not be tracked."},
    {"ignore", "node_nf_conntrack_stat_ignore",
     "Number of packets seen which are already connected to a conntrack entry."},
    {"insert", "node_nf_conntrack_stat_insert", "Number of entries inserted into the list."},
    {"insert_failed", "node_nf_conntrack_stat_insert_failed",
     "Number of entries for which list insertion was attempted but failed."},
    {"drop", "node_nf_conntrack_stat_drop", "Number of packets dropped due to conntrack failure."},
    {"early_drop", "node_nf_conntrack_stat_early_drop",
     "Number of dropped conntrack entries to make room for new ones, if maximum table size was "
     "reached."},
    {"search_restart", "node_nf_conntrack_stat_search_restart",
     "Number of conntrack table lookups which had to be restarted due to hashtable resizes."},
};

#define COLUMNS_MAX 32

/* Which of `stats` each column is; -1: none of them. */
static size_t read_head(struct str line, int of_column[COLUMNS_MAX])
{
    struct str word;
    size_t n = 0;

    while (n < COLUMNS_MAX && scan_word(&line, &word)) {
        of_column[n] = -1;
        for (size_t i = 0; i < ARRAY_LEN(stats); i++) {
            if (str_eq(word, str_c(stats[i].column)))
                of_column[n] = (int)i;
        }
        n++;
    }
    return n;
}

static void read_stats(struct host_run *r)
{
    struct str text, line, word;
    int of_column[COLUMNS_MAX];
    uint64_t sums[ARRAY_LEN(stats)] = {0}, v;
    bool has[ARRAY_LEN(stats)] = {0};
    size_t columns;

    if (!host_read(r, FILES_PROC, STAT_PATH, &text) || !scan_line(&text, &line))
        return;
    columns = read_head(line, of_column);
    while (scan_line(&text, &line)) {
        for (size_t c = 0; c < columns; c++) {
            if (!scan_word(&line, &word) || !scan_hex(word, &v)) {
                host_broken(r, FILES_PROC, STAT_PATH, "a line does not match the head");
                return;
            }
            if (of_column[c] >= 0) {
                sums[of_column[c]] += v;
                has[of_column[c]] = true;
            }
        }
    }
    host_check_end(r, FILES_PROC, STAT_PATH, text);
    for (size_t i = 0; i < ARRAY_LEN(stats); i++) {
        if (has[i])
            host_value(r, METRIC_GAUGE, stats[i].name, stats[i].help, (double)sums[i]);
    }
}

void conntrack_collect(struct host_run *r)
{
    uint64_t v;

    if (!host_read_u64(r, FILES_PROC, "sys/net/netfilter/nf_conntrack_count", &v))
        return;
    host_value(r, METRIC_GAUGE, "node_nf_conntrack_entries",
               "Number of currently allocated flow entries for connection tracking.", (double)v);
    if (host_read_u64(r, FILES_PROC, "sys/net/netfilter/nf_conntrack_max", &v))
        host_value(r, METRIC_GAUGE, "node_nf_conntrack_entries_limit",
                   "Maximum size of connection tracking table.", (double)v);
    read_stats(r);
}
