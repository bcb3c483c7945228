#include "collect/recognise/survey.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/host/files.h"
#include "collect/host/pid.h"
#include "collect/host/scan.h"
#include "collect/recognise/sockets.h"

#define COMMAND_MAX     8192 /* bytes of a command line that are looked at */
#define LINK_MAX        4096
#define DESCRIPTORS_MAX 500000 /* of all processes together */
#define SOCKETS_MAX     20000
#define PEERS_MAX       32
#define LOGS_MAX        8

/* A socket of the tables, and who has it. */
struct known {
    uint64_t inode;
    struct survey_process *owner; /* NULL: not found yet */
    struct tcp_row tcp;
    struct str path; /* Unix */
};

struct reading {
    struct files *files;
    const char *via; /* NULL: of this machine */
    struct arena *arena;
    struct survey *survey;
    int proc;
    struct str network; /* "net:[4026531840]"; empty: not told */
    struct known *sockets;
    size_t sockets_n, sockets_cap;
    struct map by_inode; /* of sockets */
    size_t descriptors;
    struct err *err;
    bool failed;
};

static struct str keep(struct reading *r, struct str s)
{
    struct str copy = arena_str(r->arena, s, r->err);

    r->failed |= !copy.p;
    return copy.p ? copy : STR("");
}

static struct str read_link(const struct reading *r, uint64_t pid, const char *name,
                            char out[LINK_MAX])
{
    char path[64];
    ssize_t n;

    (void)snprintf(path, sizeof path, "%llu/%s", (unsigned long long)pid, name);
    n = readlinkat(r->proc, path, out, LINK_MAX);
    return n > 0 ? (struct str){out, (size_t)n} : STR("");
}

static struct str read_file(struct reading *r, uint64_t pid, const char *name)
{
    char path[64];
    struct str text;

    (void)snprintf(path, sizeof path, "%llu/%s", (unsigned long long)pid, name);
    return files_read_at(r->files, r->proc, path, &text) == FILES_READ ? text : STR("");
}

/* ---- sockets ---- */

static bool same_inode(const void *item, const void *key)
{
    return ((const struct known *)item)->inode == *(const uint64_t *)key;
}

static struct known *find(struct reading *r, uint64_t inode)
{
    return map_get(&r->by_inode, hash_mix(inode, 1), &inode, same_inode);
}

static void add_socket(struct reading *r, const struct known *s)
{
    r->survey->sockets_cut += r->sockets_n >= SOCKETS_MAX;
    if (r->sockets_n >= SOCKETS_MAX || r->failed)
        return;
    if (arena_grow(r->arena, (void **)&r->sockets, &r->sockets_cap, r->sockets_n + 1,
                   sizeof *r->sockets, r->err) < 0)
        r->failed = true;
    else
        r->sockets[r->sockets_n++] = *s;
}

/* Without IPv6 there is no tcp6. */
static bool read_table(struct reading *r, const char *path, struct str *text)
{
    enum files_result result = files_read(r->files, FILES_PROC, path, text);

    r->survey->tables_cut += result == FILES_FAILED;
    return result == FILES_READ;
}

static void read_tcp(struct reading *r, const char *path)
{
    struct tcp_row row;
    struct str text;

    if (!read_table(r, path, &text))
        return;
    while (sockets_next_tcp(&text, &row))
        if (row.inode && (row.listens || row.local_there)) /* 0: it ends */
            add_socket(r, &(struct known){.inode = row.inode, .tcp = row});
}

static void read_unix(struct reading *r)
{
    struct unix_row row;
    struct str text;

    if (!read_table(r, "net/unix", &text))
        return;
    while (sockets_next_unix(&text, &row))
        add_socket(r, &(struct known){
                          .inode = row.inode, .tcp = {.listens = true}, .path = keep(r, row.path)});
}

static void read_sockets(struct reading *r)
{
    read_tcp(r, "net/tcp");
    read_tcp(r, "net/tcp6");
    read_unix(r);
    for (size_t i = 0; i < r->sockets_n; i++)
        if (!find(r, r->sockets[i].inode))
            map_put(&r->by_inode, hash_mix(r->sockets[i].inode, 1), &r->sockets[i]);
}

/* ---- processes ---- */

/* The innermost unit of a path like 0::/system.slice/redis.service. */
static struct str unit_of(struct str text)
{
    struct str found = STR(""), line;

    while (scan_line(&text, &line))
        while (line.p) {
            struct str part = str_split(&line, '/');

            if (str_ends(part, STR(".service")))
                found = part;
        }
    return found;
}

static struct str in_one_line(struct reading *r, struct str words)
{
    struct str line = keep(r, words);

    while (line.n && !line.p[line.n - 1])
        line.n--;
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
            ((char *)(uintptr_t)line.p)[i] = ' '; /* our copy */
    return line;
}

static void read_exe(struct reading *r, struct survey_process *p)
{
    char link[LINK_MAX];
    struct str exe = read_link(r, p->pid, "exe", link);

    if (str_ends(exe, STR(" (deleted)"))) /* replaced by a newer one since it started */
        exe.n -= strlen(" (deleted)");
    p->exe = keep(r, exe);
}

/* Files of another machine have one owner here, whoever has them there. */
static bool read_user(struct reading *r, uint64_t pid, uint64_t *out)
{
    char path[32];
    struct stat st;
    struct str text, line, word;

    if (r->via) {
        text = read_file(r, pid, "status");
        while (scan_line(&text, &line))
            if (scan_word(&line, &word) && str_eq(word, STR("Uid:")))
                return scan_word(&line, &word) && scan_u64(word, out);
        return false;
    }
    (void)snprintf(path, sizeof path, "%llu", (unsigned long long)pid);
    if (fstatat(r->proc, path, &st, 0) < 0)
        return false;
    *out = st.st_uid;
    return true;
}

/* False: it is a thread of the kernel's, of another network, or has ended. */
static bool read_process(struct reading *r, uint64_t pid, struct survey_process *out)
{
    struct survey_process p = {.pid = pid};
    struct pid_stat stat;
    char link[LINK_MAX];
    struct str network = read_link(r, pid, "ns/net", link);

    if (network.n && r->network.n && !str_eq(network, r->network))
        return false;
    if (!pid_parse_stat(read_file(r, pid, "stat"), &stat) || stat.kernel || stat.state == 'Z')
        return false;
    p.name = keep(r, str_c(stat.name));
    p.words = keep(r, str_take(read_file(r, pid, "cmdline"), COMMAND_MAX));
    p.command = in_one_line(r, p.words);
    p.unit = keep(r, unit_of(read_file(r, pid, "cgroup")));
    read_exe(r, &p);
    *out = p;
    return read_user(r, pid, &out->user);
}

struct descriptors {
    uint16_t peers[PEERS_MAX];
    struct str logs[LOGS_MAX];
    size_t peers_n, logs_n;
};

static void add_peer(struct descriptors *d, uint16_t port)
{
    for (size_t i = 0; i < d->peers_n; i++)
        if (d->peers[i] == port)
            return;
    if (d->peers_n < PEERS_MAX)
        d->peers[d->peers_n++] = port;
}

/* "socket:[812]", or a file. */
static void read_descriptor(struct reading *r, struct str link, struct survey_process *p,
                            struct descriptors *d)
{
    struct known *s;
    uint64_t inode;

    if (str_ends(link, STR(".log")) && scan_has(link, "access") && d->logs_n < LOGS_MAX)
        d->logs[d->logs_n++] = keep(r, link);
    if (!str_starts(link, STR("socket:[")) || !str_ends(link, STR("]")) ||
        !scan_u64((struct str){link.p + 8, link.n - 9}, &inode))
        return;
    s = find(r, inode);
    if (s && s->tcp.listens && !s->owner)
        s->owner = p;
    else if (s && !s->tcp.listens)
        add_peer(d, s->tcp.remote_port);
}

static void read_descriptors(struct reading *r, struct survey_process *p)
{
    struct descriptors found = {.peers_n = 0};
    struct files_entry *entries;
    char path[64], link[LINK_MAX];
    size_t n, i;
    int dir;

    (void)snprintf(path, sizeof path, "%llu/fd", (unsigned long long)p->pid);
    dir = openat(r->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        p->hidden = true;
        return;
    }
    if (files_list(r->files, dir, r->arena, &entries, &n, r->err) < 0) {
        r->failed = true;
        n = 0;
    }
    for (i = 0; i < n && r->descriptors < DESCRIPTORS_MAX; i++, r->descriptors++) {
        ssize_t got = readlinkat(dir, entries[i].name, link, sizeof link);

        if (got > 0)
            read_descriptor(r, (struct str){link, (size_t)got}, p, &found);
    }
    r->survey->processes_cut += i < n;
    (void)close(dir);
    if (found.peers_n)
        p->peers = (const void *)keep(r, (struct str){(const char *)found.peers,
                                                      found.peers_n * sizeof found.peers[0]})
                       .p;
    if (found.logs_n)
        p->logs = (const void *)keep(r, (struct str){(const char *)found.logs,
                                                     found.logs_n * sizeof found.logs[0]})
                      .p;
    p->peers_n = r->failed ? 0 : found.peers_n;
    p->logs_n = r->failed ? 0 : found.logs_n;
}

static int read_processes(struct reading *r)
{
    struct pid_entry *pids;
    size_t n;

    if (pid_list(r->files, r->proc, r->arena, &pids, &n, r->err) < 0)
        return -1;
    r->survey->processes = arena_new_array(r->arena, struct survey_process, n, r->err);
    if (!r->survey->processes)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct survey_process *p = &r->survey->processes[r->survey->processes_n];

        if (!read_process(r, pids[i].pid, p))
            continue;
        read_descriptors(r, p);
        r->survey->processes_n++;
    }
    return r->failed ? -1 : 0;
}

/* ---- together ---- */

static int by_place(const void *a, const void *b)
{
    const struct survey_socket *x = a, *y = b;

    if (!x->port != !y->port)
        return !x->port - !y->port;
    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    if (x->other_only != y->other_only)
        return x->other_only - y->other_only;
    if (x->v6 != y->v6)
        return x->v6 - y->v6;
    return str_cmp(x->path, y->path);
}

/* One entry a port or path, the one that is easiest to reach; those who listen on IPv4 and IPv6
 * have two sockets. */
static void list_sockets(struct reading *r)
{
    struct survey *s = r->survey;
    size_t n = 0;

    s->sockets = arena_new_array(r->arena, struct survey_socket, r->sockets_n, r->err);
    if (!s->sockets) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < r->sockets_n; i++) {
        const struct known *k = &r->sockets[i];

        if (k->tcp.listens)
            s->sockets[n++] = (struct survey_socket){.port = k->tcp.port,
                                                     .path = k->path,
                                                     .v6 = k->tcp.v6,
                                                     .via = r->via,
                                                     .other_only = k->tcp.reach == REACH_OTHER,
                                                     .user = k->tcp.user,
                                                     .inode = k->inode,
                                                     .owner = k->owner};
    }
    if (n > 0)
        qsort(s->sockets, n, sizeof *s->sockets, by_place);
    for (size_t i = 0; i < n; i++) {
        const struct survey_socket *last = s->sockets_n ? &s->sockets[s->sockets_n - 1] : NULL;

        if (last && last->port == s->sockets[i].port && str_eq(last->path, s->sockets[i].path))
            continue;
        s->ports += s->sockets[i].port != 0;
        s->sockets[s->sockets_n++] = s->sockets[i];
    }
}

static void count_units(struct survey *s)
{
    for (size_t i = 0; i < s->processes_n; i++) {
        bool seen = s->processes[i].unit.n == 0;

        for (size_t k = 0; k < i && !seen; k++)
            seen = str_eq(s->processes[k].unit, s->processes[i].unit);
        s->units += !seen;
    }
}

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024" */
static void read_nvidia(struct reading *r)
{
    struct str text, line, word;

    if (files_read(r->files, FILES_PROC, "driver/nvidia/version", &text) != FILES_READ)
        return;
    r->survey->nvidia = true;
    if (!scan_line(&text, &line))
        return;
    while (scan_word(&line, &word)) {
        double ignored;
        struct str first = word;

        if (memchr(word.p, '.', word.n) && scan_decimal(str_split(&first, '.'), &ignored)) {
            r->survey->driver = keep(r, word);
            return;
        }
    }
}

static void read_cards(struct reading *r)
{
    int dir = files_dir(r->files, FILES_SYS, "class/drm");
    struct files_entry *entries;
    size_t n;

    if (dir < 0 || files_list(r->files, dir, r->arena, &entries, &n, r->err) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        char path[300];
        struct str text;

        (void)snprintf(path, sizeof path, "%.255s/device/vendor", entries[i].name);
        if (files_read_at(r->files, dir, path, &text) != FILES_READ)
            continue;
        r->survey->nvidia |= str_eq(str_trim(text), STR("0x10de"));
        r->survey->amd |= str_eq(str_trim(text), STR("0x1002"));
    }
}

int survey_read(struct files *files, const char *via, struct arena *a, struct survey *out,
                struct err *err)
{
    char link[LINK_MAX];
    struct reading r = {.files = files,
                        .via = via,
                        .arena = a,
                        .survey = out,
                        .proc = files_dir(files, FILES_PROC, "."),
                        .err = err};
    ssize_t n = readlinkat(r.proc, "self/ns/net", link, sizeof link);
    int result;

    *out = (struct survey){.ports = 0};
    r.network = n > 0 ? (struct str){link, (size_t)n} : STR("");
    r.network = keep(&r, r.network);
    map_init(&r.by_inode);
    read_sockets(&r);
    result = read_processes(&r);
    if (result == 0) {
        list_sockets(&r);
        count_units(out);
        read_nvidia(&r);
        read_cards(&r);
    }
    map_fini(&r.by_inode);
    return r.failed ? -1 : result;
}

bool survey_is_ours(const struct survey_process *p)
{
    return str_ends(p->exe, STR("/earshot")) || (!p->exe.n && str_eq(p->name, STR("earshot")));
}
