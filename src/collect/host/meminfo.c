/* /proc/meminfo: "MemTotal:  24730032 kB", "Active(anon):  12 kB", "HugePages_Total:  0". */
#include "collect/host/groups.h"
#include "collect/host/run.h"

/* "Active(anon)" as "Active_anon". In scratch. */
static struct str without_parens(struct host_run *r, struct str key)
{
    struct str copy;
    char *p;
    size_t n = 0;

    if (!memchr(key.p, '(', key.n))
        return key;
    copy = host_keep(r, key);
    p = (char *)copy.p;
    for (size_t i = 0; i < copy.n; i++) {
        if (p[i] == ')')
            continue;
        p[n++] = p[i] == '(' ? '_' : p[i];
    }
    return (struct str){p, n};
}

void meminfo_collect(struct host_run *r)
{
    struct str text, line;

    if (!host_read(r, FILES_PROC, "meminfo", &text))
        return;
    while (scan_line(&text, &line)) {
        struct str key = str_split(&line, ':'), unit, suffix = STR("");
        uint64_t v;

        if (!scan_word_u64(&line, &v)) {
            host_broken(r, FILES_PROC, "meminfo", "a line is not \"Name: number\"");
            continue;
        }
        if (scan_word(&line, &unit)) {
            if (!str_eq(unit, STR("kB"))) {
                host_broken(r, FILES_PROC, "meminfo", "a unit other than kB");
                continue;
            }
            v *= 1024;
            suffix = STR("_bytes");
        }
        key = without_parens(r, key);
        host_family_join(r, METRIC_GAUGE, STR("node_memory_"), key, suffix,
                         "Memory information field ", key, suffix.n ? "_bytes." : ".");
        host_sample0(r, (double)v);
    }
    host_check_end(r, FILES_PROC, "meminfo", text);
}
