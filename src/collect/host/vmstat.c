/* /proc/vmstat: "pgfault 3314213"; only the fields node_exporter takes by default. */
#include "collect/host/groups.h"
#include "collect/host/run.h"

/* ^(oom_kill|pgpg|pswp|pg.*fault).* */
static bool is_wanted(struct str key)
{
    return str_starts(key, STR("oom_kill")) || str_starts(key, STR("pgpg")) ||
           str_starts(key, STR("pswp")) ||
           (str_starts(key, STR("pg")) && scan_has(str_skip(key, 2), "fault"));
}

void vmstat_collect(struct host_run *r)
{
    struct str text, line, key;
    uint64_t v;

    if (!host_read(r, FILES_PROC, "vmstat", &text))
        return;
    while (scan_line(&text, &line)) {
        if (!scan_word(&line, &key) || !is_wanted(key))
            continue;
        if (!scan_word_u64(&line, &v)) {
            host_broken(r, FILES_PROC, "vmstat", "a line is not \"name number\"");
            continue;
        }
        host_family_join(r, METRIC_UNKNOWN, STR("node_vmstat_"), key, STR(""),
                         "/proc/vmstat information field ", key, ".");
        host_sample0(r, (double)v);
    }
    host_check_end(r, FILES_PROC, "vmstat", text);
}
