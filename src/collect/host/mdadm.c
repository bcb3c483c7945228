/* /proc/mdstat: software RAID.
 *
 *   md0 : active raid1 sdb1[1] sda1[0](F)
 *         248896 blocks [2/2] [UU]
 *         [==>....]  recovery = 16.3% (40000/248896) finish=1.2min speed=100K/sec
 */
#include "collect/host/groups.h"
#include "collect/host/run.h"

#define MD_DEVICES_MAX 128

struct md {
    struct str name, state;
    uint64_t blocks, synced, required, active, failed, spare;
};

static size_t count(struct str s, const char *needle)
{
    size_t n = 0, length = strlen(needle);

    for (const char *p; s.n && (p = memmem(s.p, s.n, needle, length)); n++)
        s = str_skip(s, (size_t)(p - s.p) + length);
    return n;
}

/* The two numbers of "[2/1]" or "(40000/248896)", whichever `open` begins. */
static bool read_pair(struct str s, char open, char close, uint64_t *first, uint64_t *second)
{
    while (s.n) {
        struct str inside;

        (void)str_split(&s, open);
        if (!s.p)
            return false;
        inside = s;
        inside = str_split(&inside, close);
        if (scan_u64(str_split(&inside, '/'), first) && inside.p && scan_u64(inside, second))
            return true;
    }
    return false;
}

static bool read_size(struct str head, struct str line, struct md *md)
{
    if (!scan_word_u64(&line, &md->blocks))
        return false;
    md->synced = md->blocks;
    if (scan_has(head, " raid0") || scan_has(head, " linear")) {
        md->required = md->active = count(head, "[");
        return true;
    }
    if (scan_has(head, " inactive"))
        return true;
    return read_pair(line, '[', ']', &md->required, &md->active);
}

/* A sync under way; -1 when its line is not understood. */
static bool read_sync(struct str line, struct md *md)
{
    uint64_t all;

    if (scan_has(line, "recovery"))
        md->state = STR("recovering");
    else if (scan_has(line, "check"))
        md->state = STR("check");
    else if (scan_has(line, "resync"))
        md->state = STR("resync");
    else
        return true;
    md->synced = 0;
    return scan_has(line, "PENDING") || scan_has(line, "DELAYED") ||
           read_pair(line, '(', ')', &md->synced, &all);
}

/* One device: its head and the indented lines below it. */
static bool read_device(struct str head, struct str *text, struct md *md)
{
    struct str rest = head, word, line;
    bool first = true;

    if (!scan_word(&rest, &md->name) || !scan_word(&rest, &word) || !scan_word(&rest, &md->state))
        return false;
    md->failed = count(head, "(F)");
    md->spare = count(head, "(S)");
    while (text->n && text->p[0] == ' ') {
        if (!scan_line(text, &line))
            return false;
        if (first ? !read_size(head, line, md) : !read_sync(line, md))
            return false;
        first = false;
    }
    return !first;
}

static void emit_states(struct host_run *r, const struct md *all, size_t n)
{
    static const char *const states[] = {"active", "inactive", "recovering", "resync", "check"};

    host_family(r, METRIC_GAUGE, "node_md_state", "Indicates the state of md-device.");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < ARRAY_LEN(states); k++)
            host_sample2(r, str_eq(all[i].state, str_c(states[k])), "device", all[i].name, "state",
                         str_c(states[k]));
    }
}

static void emit_devices(struct host_run *r, const struct md *all, size_t n)
{
    emit_states(r, all, n);
    host_family(r, METRIC_GAUGE, "node_md_disks", "Number of active/failed/spare disks of device.");
    for (size_t i = 0; i < n; i++) {
        host_sample2(r, (double)all[i].active, "device", all[i].name, "state", STR("active"));
        host_sample2(r, (double)all[i].failed, "device", all[i].name, "state", STR("failed"));
        host_sample2(r, (double)all[i].spare, "device", all[i].name, "state", STR("spare"));
    }
    host_family(r, METRIC_GAUGE, "node_md_disks_required", "Total number of disks of device.");
    for (size_t i = 0; i < n; i++)
        host_sample1(r, (double)all[i].required, "device", all[i].name);
    host_family(r, METRIC_GAUGE, "node_md_blocks", "Total number of blocks on device.");
    for (size_t i = 0; i < n; i++)
        host_sample1(r, (double)all[i].blocks, "device", all[i].name);
    host_family(r, METRIC_GAUGE, "node_md_blocks_synced", "Number of blocks synced on device.");
    for (size_t i = 0; i < n; i++)
        host_sample1(r, (double)all[i].synced, "device", all[i].name);
}

void mdadm_collect(struct host_run *r)
{
    struct md all[MD_DEVICES_MAX];
    size_t n = 0;
    struct str text, line;

    if (!host_read(r, FILES_PROC, "mdstat", &text))
        return;
    while (n < MD_DEVICES_MAX && scan_line(&text, &line)) {
        if (!str_starts(line, STR("md")))
            continue; /* Personalities, unused devices, blank lines */
        all[n] = (struct md){0};
        if (read_device(line, &text, &all[n]))
            n++;
        else
            host_broken(r, FILES_PROC, "mdstat", "a device is not understood");
    }
    host_check_end(r, FILES_PROC, "mdstat", text);
    if (n)
        emit_devices(r, all, n);
}
