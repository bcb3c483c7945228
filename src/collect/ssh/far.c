#include "collect/ssh/far.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "collect/collect.h"
#include "collect/ssh/snapshot.h"
#include "collect/ssh/tree.h"
#include "sys/talk.h"
#include "text/number.h"

#define READ_BYTES 65536
#define ANSWER_MAX (32u << 20)

/* ---- what the far shell does ----
 *
 * It reads its script as we send it, says "ready", and then answers a line with the files of one
 * part, until we go. The last line must come after nothing: a shell may read ahead.
 */

#define NET(name) "/sys/class/net/*/" name " "
#define CPU(name) "/sys/devices/system/cpu/cpu[0-9]*/" name " "

static const char script[] =
    "export LC_ALL=C\n"
    "PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH\n"
    "m=$(uname -m)\n"
    "f() { grep '' /dev/null \"$@\" 2>/dev/null; }\n"
    "host() { f /proc/stat /proc/loadavg /proc/meminfo /proc/vmstat /proc/pressure/* "
    "/proc/diskstats /proc/net/dev /proc/net/netstat /proc/net/snmp /proc/net/snmp6 "
    "/proc/net/sockstat /proc/net/sockstat6 /proc/net/softnet_stat /proc/net/arp /proc/net/udp "
    "/proc/net/udp6 /proc/sys/net/netfilter/nf_conntrack_count "
    "/proc/sys/net/netfilter/nf_conntrack_max /proc/net/stat/nf_conntrack /proc/sys/fs/file-nr "
    "/proc/sys/kernel/random/entropy_avail /proc/sys/kernel/random/poolsize /proc/schedstat "
    "/proc/mdstat /proc/uptime /proc/sys/kernel/threads-max /proc/sys/kernel/pid_max "
    "/proc/sys/kernel/ostype /proc/sys/kernel/osrelease /proc/sys/kernel/version "
    "/proc/sys/kernel/hostname /proc/sys/kernel/domainname /etc/os-release "
    /* clang-format off */
    NET("addr_assign_type") NET("address") NET("broadcast") NET("carrier") NET("carrier_changes")
    NET("carrier_up_count") NET("carrier_down_count") NET("dev_id") NET("dormant") NET("duplex")
    NET("flags") NET("ifindex") NET("iflink") NET("link_mode") NET("mtu") NET("name_assign_type")
    NET("netdev_group") NET("operstate") NET("speed") NET("tx_queue_len") NET("type")
    /* clang-format on */
    "/proc/[0-9]*/stat; }\n"
    "slow() { f /proc/mounts /proc/cpuinfo /sys/class/thermal/*/type /sys/class/thermal/*/temp "
    "/sys/class/thermal/*/cur_state /sys/class/thermal/*/max_state " CPU("cpufreq/*")
        CPU("topology/core_id") CPU("topology/physical_package_id")
            CPU("thermal_throttle/*") "\n"
                                      "set --\n"
                                      "while read -r d p t o; do case $t in "
                                      "autofs|bpf|cgroup*|configfs|debugfs|devpts|devtmpfs|"
                                      "fusectl|hugetlbfs|mqueue|nsfs|overlay|proc|pstore|rpc_"
                                      "pipefs|securityfs|squashfs|sysfs|"
                                      "tracefs) ;; *) set -- \"$@\" \"$p\" ;; esac; done "
                                      "</proc/mounts\n"
                                      "[ $# = 0 ] || stat -f -c '/proc/.statfs:%S %b %f %a %c %d "
                                      "%n' \"$@\" 2>/dev/null; }\n"
                                      "processes() { f /proc/stat /proc/uptime /proc/[0-9]*/stat "
                                      "/etc/passwd\n"
                                      "grep -a '' /dev/null /proc/[0-9]*/cmdline "
                                      "/proc/[0-9]*/cgroup 2>/dev/null\n"
                                      "grep -E "
                                      "'^(Name|Uid|Threads|VmSize|VmRSS|VmSwap|Rss|voluntary|"
                                      "nonvoluntary)' /dev/null "
                                      "/proc/[0-9]*/status 2>/dev/null; }\n"
                                      "answer() { while read -r q; do echo \"/proc/.time:$(date "
                                      "+%s.%N)\"; "
                                      "echo \"/proc/.machine:$m\"; case $q in host) host ;; slow) "
                                      "slow ;; processes) processes ;; "
                                      "esac; echo end; done; }\n"
                                      "echo ready; answer; exit\n";

static const char *const requests[] = {
    [FAR_HOST] = "host\n", [FAR_HOST_SLOW] = "slow\n", [FAR_PROCESSES] = "processes\n"};

/* What the far shell has not said yet. One that is late is waited for in the next cycle too:
 * another one beside it would take as long, and sshd starts no more than MaxSessions (10). */
enum owed { NOTHING, GREETING, ANSWER };

struct far {
    struct clock shown; /* first: the far machine's */
    const struct clock *clock;
    int64_t offset_ms;
    char *socket_path; /* owned */
    enum far_part part;
    int64_t timeout_ms;
    struct tree *tree;
    struct talk *talk; /* NULL: not connected */
    enum owed owes;
    struct buf answer, content;
    struct collector inner;
};

/* ---- life ---- */

static ts_ms far_wall_ms(const struct clock *c)
{
    const struct far *f = (const struct far *)(const void *)c;

    return f->clock->wall_ms(f->clock) + f->offset_ms;
}

static int64_t far_mono_ns(const struct clock *c)
{
    const struct far *f = (const struct far *)(const void *)c;

    return f->clock->mono_ns(f->clock);
}

int far_new(const struct far_settings *s, struct far **out, struct err *err)
{
    struct far *f = mem_new(struct far);

    f->shown = (struct clock){far_wall_ms, far_mono_ns};
    f->clock = s->clock;
    f->socket_path = mem_strdup(s->socket_path);
    f->part = s->part;
    f->timeout_ms = s->timeout_ms;
    buf_init(&f->answer, ANSWER_MAX);
    buf_init(&f->content, 0);
    if (tree_new(&f->tree, err) < 0) {
        far_free(f);
        return -1;
    }
    *out = f;
    return 0;
}

void far_free(struct far *f)
{
    if (!f)
        return;
    if (f->inner.free)
        f->inner.free(f->inner.arg);
    talk_close(f->talk);
    tree_free(f->tree);
    buf_fini(&f->answer);
    buf_fini(&f->content);
    mem_free(f->socket_path);
    mem_free(f);
}

const char *far_proc(const struct far *f)
{
    return tree_proc(f->tree);
}

const char *far_sys(const struct far *f)
{
    return tree_sys(f->tree);
}

const char *far_root(const struct far *f)
{
    return tree_folder(f->tree);
}

const struct clock *far_clock(const struct far *f)
{
    return &f->shown;
}

/* ---- asking ---- */

static int64_t deadline_of(const struct far *f)
{
    return f->clock->mono_ns(f->clock) + f->timeout_ms * 1000000;
}

static void leave(struct far *f)
{
    talk_close(f->talk);
    f->talk = NULL;
    f->owes = NOTHING;
}

static int read_more(struct far *f, int64_t deadline_ns, struct err *err)
{
    char *room = buf_reserve(&f->answer, READ_BYTES);
    size_t got;

    if (!room)
        return err_set(err, ERR_LIMIT, "the far shell prints more than %u MB", ANSWER_MAX >> 20);
    if (talk_read(f->talk, room, READ_BYTES, &got, deadline_ns, err) < 0) {
        if (err->kind == ERR_TIMEOUT && f->owes == GREETING)
            return err_set(err, ERR_TIMEOUT,
                           "the far shell does not begin in time; see what the files do that it "
                           "reads first (.bashrc)");
        return -1;
    }
    if (!got && f->owes == GREETING)
        return err_set(err, ERR_EVAL,
                       "the far end runs no POSIX shell for us (/bin/sh); host and process need "
                       "Linux there, scrape does not");
    if (!got)
        return err_set(err, ERR_EVAL, "the far shell has ended before its answer was whole");
    f->answer.n += got;
    return 0;
}

/* Until all that it owes us has come; *n: of the answer. Its greeting may have anything in front
 * that a login shell prints. */
static int settle(struct far *f, int64_t deadline_ns, size_t *n, struct err *err)
{
    *n = 0;
    while ((f->owes == GREETING && !str_ends(buf_str(&f->answer), STR("ready\n"))) ||
           (f->owes == ANSWER && !snapshot_is_whole(buf_str(&f->answer), n)))
        if (read_more(f, deadline_ns, err) < 0)
            return -1;
    f->owes = NOTHING;
    return 0;
}

static int enter(struct far *f, int64_t deadline_ns, struct err *err)
{
    const struct talk_place place = {.path = f->socket_path};

    buf_reset(&f->answer);
    if (talk_open(&place, NULL, f->clock, deadline_ns, &f->talk, err) < 0 ||
        talk_write(f->talk, script, sizeof script - 1, deadline_ns, err) < 0)
        return -1;
    f->owes = GREETING;
    return 0;
}

/* First what an earlier cycle did not wait for, which is not an answer to what is asked now. */
static int exchange(struct far *f, int64_t deadline_ns, struct str *out, struct err *err)
{
    const char *request = requests[f->part];
    size_t n;

    if (settle(f, deadline_ns, &n, err) < 0)
        return -1;
    buf_reset(&f->answer);
    if (talk_write(f->talk, request, strlen(request), deadline_ns, err) < 0)
        return -1;
    f->owes = ANSWER;
    if (settle(f, deadline_ns, &n, err) < 0)
        return -1;
    *out = str_take(buf_str(&f->answer), n);
    return 0;
}

static bool is_slow(const struct far *f, const struct err *err)
{
    return f->owes != NOTHING && err->kind == ERR_TIMEOUT;
}

/* A shell of an earlier cycle may have ended with its connection, in whose place there is another
 * one by now: then a new shell is asked, in the same cycle. */
static int ask(struct far *f, int64_t deadline_ns, struct str *out, struct err *err)
{
    if (f->talk) {
        if (exchange(f, deadline_ns, out, err) == 0)
            return 0;
        if (is_slow(f, err) || err->kind == ERR_LIMIT)
            return -1;
        leave(f);
        err_clear(err);
    }
    if (enter(f, deadline_ns, err) < 0)
        return -1;
    return exchange(f, deadline_ns, out, err);
}

/* Of the moment in between asking and answering, as well as one can know it. */
static void set_clock(struct far *f, ts_ms asked_ms)
{
    struct str text = str_trim(buf_str(&f->content));
    double seconds;

    if (number_parse(text, &seconds) && seconds > 0 && seconds < 1e12)
        f->offset_ms = (ts_ms)(seconds * 1000) - asked_ms;
}

static int refresh(struct far *f, struct err *err)
{
    ts_ms asked_ms = f->clock->wall_ms(f->clock);
    struct str rest = {NULL, 0}, path;

    if (ask(f, deadline_of(f), &rest, err) < 0) {
        if (!is_slow(f, err))
            leave(f);
        return -1;
    }
    tree_begin(f->tree);
    while (snapshot_next(&rest, &path, &f->content)) {
        if (str_eq(path, STR("/proc/.time")))
            set_clock(f, asked_ms);
        tree_put(f->tree, path, buf_str(&f->content));
    }
    tree_end(f->tree);
    return tree_check(f->tree, err);
}

/* ---- the collector ---- */

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct far *f = arg;

    if (refresh(f, err) < 0)
        return -1;
    return f->inner.collect(f->inner.arg, emit, scratch, err);
}

static void free_far(void *arg)
{
    far_free(arg);
}

struct collector far_collector(struct far *f, const struct collector *inner)
{
    f->inner = *inner;
    return (struct collector){.name = inner->name,
                              .collect = collect,
                              .free = free_far,
                              .arg = f,
                              .hangs_on = "the host behind its SSH connection"};
}
