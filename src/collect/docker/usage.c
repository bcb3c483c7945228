#include "collect/docker/usage.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/host/files.h"
#include "collect/host/scan.h"
#include "collect/process/cgroup.h"

#define UNBOUNDED ((uint64_t)1 << 62) /* the first version's way to say that there is no limit */

struct reading {
    struct files *files;
    char folder[CGROUP_PATH_MAX]; /* of the group under way, below /sys */
};

static bool read_proc(struct files *files, uint64_t pid, const char *name, struct str *out)
{
    char path[64];

    (void)snprintf(path, sizeof path, "%llu/%s", (unsigned long long)pid, name);
    return files_read_at(files, files_root_dir(files, FILES_PROC), path, out) == FILES_READ;
}

/* ---- control groups ---- */

static bool read_file(const struct reading *r, const char *name, struct str *out)
{
    char path[CGROUP_PATH_MAX + 40];

    (void)snprintf(path, sizeof path, "%s/%s", r->folder, name);
    return *r->folder &&
           files_read_at(r->files, files_root_dir(r->files, FILES_SYS), path, out) == FILES_READ;
}

static bool read_number(const struct reading *r, const char *name, uint64_t *out)
{
    struct str text;

    return read_file(r, name, &text) && scan_u64(str_trim(text), out);
}

/* "key value" on a line of its own. */
static bool read_key(const struct reading *r, const char *name, const char *key, uint64_t *out)
{
    struct str text, line, word;

    if (!read_file(r, name, &text))
        return false;
    while (scan_line(&text, &line))
        if (scan_word(&line, &word) && str_eq(word, str_c(key)))
            return scan_word_u64(&line, out);
    return false;
}

static void read_cpu(struct reading *r, struct container_usage *out)
{
    uint64_t value;

    if (read_key(r, "cpu.stat", "usage_usec", &value))
        out->cpu_s = (double)value / 1e6;
    else if (read_number(r, "cpuacct.usage", &value))
        out->cpu_s = (double)value / 1e9;
    else
        return;
    out->has_cpu = true;
}

static bool read_limit(const struct reading *r, double *out)
{
    struct str text;
    uint64_t value;

    if (read_number(r, "memory.limit_in_bytes", &value) || read_number(r, "memory.max", &value)) {
        *out = value < UNBOUNDED ? (double)value : 0;
        return true;
    }
    *out = 0;
    return read_file(r, "memory.max", &text) && str_eq(str_trim(text), STR("max"));
}

/* Of what is held for files, the part that is not in use does not count: it is given back when it
 * is needed. */
static void read_memory(struct reading *r, struct container_usage *out)
{
    uint64_t used, inactive = 0;

    if (read_number(r, "memory.current", &used))
        (void)read_key(r, "memory.stat", "inactive_file", &inactive);
    else if (read_number(r, "memory.usage_in_bytes", &used))
        (void)read_key(r, "memory.stat", "total_inactive_file", &inactive);
    else
        return;
    out->has_memory = true;
    out->working_set = inactive < used ? (double)(used - inactive) : 0;
    out->has_limit = read_limit(r, &out->limit);
    out->has_kills = read_key(r, "memory.events", "oom_kill", &out->kills) ||
                     read_key(r, "memory.oom_control", "oom_kill", &out->kills);
}

/* ---- network ---- */

static bool read_net(struct str line, struct str *name, struct container_net *out)
{
    uint64_t columns[16];

    *name = str_trim(str_split(&line, ':'));
    /* Whoever is root in the container may call it as he likes. */
    if (!name->n || name->n > CONTAINER_NAME_MAX || !line.p || !str_is_utf8(*name))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (!scan_word_u64(&line, &columns[i]))
            return false;
    for (size_t i = 0; i < 4; i++) {
        out->received[i] = (double)columns[i];
        out->sent[i] = (double)columns[8 + i];
    }
    return true;
}

int usage_nets(struct str text, struct arena *a, struct container_usage *out, struct err *err)
{
    struct str line, name;

    out->nets_n = 0;
    out->nets = arena_new_array(a, struct container_net, CONTAINER_NETS_MAX, err);
    if (!out->nets)
        return -1;
    while (out->nets_n < CONTAINER_NETS_MAX && scan_line(&text, &line)) {
        struct container_net *net = &out->nets[out->nets_n];

        if (!read_net(line, &name, net) || str_eq(name, STR("lo")))
            continue;
        net->interface = arena_str(a, name, err);
        if (!net->interface.p)
            return -1;
        out->nets_n++;
    }
    return 0;
}

/* ---- all of it ---- */

static bool has_id(struct str cgroup, struct str id)
{
    return id.n >= 12 && memmem(cgroup.p, cgroup.n, id.p, id.n); /* 12: what people see of one */
}

bool usage_is_inside(struct files *files, uint64_t pid, struct str id)
{
    struct str text;

    return read_proc(files, pid, "cgroup", &text) && text.n && has_id(text, id);
}

int usage_read(struct files *files, uint64_t pid, struct str id, bool net, struct arena *a,
               struct container_usage *out, bool *inside, struct err *err)
{
    struct reading r = {.files = files};
    struct str text, cgroup;

    *out = (struct container_usage){.nets = NULL};
    *inside = read_proc(files, pid, "cgroup", &text) && text.n && has_id(text, id);
    if (!*inside)
        return 0;
    cgroup = arena_str(a, text, err); /* the buffer is used again */
    if (!cgroup.p)
        return -1;
    cgroup_container_folder(cgroup, STR("cpuacct"), id, r.folder);
    read_cpu(&r, out);
    cgroup_container_folder(cgroup, STR("memory"), id, r.folder);
    read_memory(&r, out);
    return net && read_proc(files, pid, "net/dev", &text) ? usage_nets(text, a, out, err) : 0;
}
