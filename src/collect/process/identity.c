#include "collect/process/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/host/run.h"
#include "collect/process/cgroup.h"
#include "collect/process/container.h"

#define COMMAND_MAX 32768 /* bytes of a command line that are looked at */

static struct str read_file(struct identity *id, const char *name)
{
    char path[64];
    struct str text;

    (void)snprintf(path, sizeof path, "%llu/%s", (unsigned long long)id->pid, name);
    if (files_read_at(id->run->files, id->proc, path, &text) != FILES_READ)
        return STR("");
    return host_keep(id->run, str_take(text, COMMAND_MAX));
}

struct str identity_command(struct identity *id)
{
    struct str text;

    if (id->has_command)
        return id->command;
    id->has_command = true;
    text = read_file(id, "cmdline");
    while (text.n && !text.p[text.n - 1])
        text.n--;
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ') /* a script in the line has lines of its own */
            ((char *)text.p)[i] = ' ';      /* our copy */
    return id->command = text;
}

struct str identity_exe(struct identity *id)
{
    char path[64], link[4096];
    ssize_t n;

    if (id->has_exe)
        return id->exe;
    id->has_exe = true;
    (void)snprintf(path, sizeof path, "%llu/exe", (unsigned long long)id->pid);
    n = readlinkat(id->proc, path, link, sizeof link);
    if (n > 0) {
        struct str exe = {link, (size_t)n};

        if (str_ends(exe, STR(" (deleted)"))) /* replaced by a newer one since it started */
            exe.n -= strlen(" (deleted)");
        return id->exe = host_keep(id->run, exe);
    }
    id->exe = identity_command(id);
    return id->exe = str_split(&id->exe, ' ');
}

struct str identity_cgroup(struct identity *id)
{
    if (!id->has_cgroup)
        id->cgroup = read_file(id, "cgroup");
    id->has_cgroup = true;
    return id->cgroup;
}

/* "Uid:  real effective saved file system" */
static bool read_user(struct str text, uint64_t *out)
{
    struct str line, word;

    while (scan_line(&text, &line)) {
        if (!str_starts(line, STR("Uid:")))
            continue;
        line = str_skip(line, 4);
        return scan_word(&line, &word) && scan_word_u64(&line, out);
    }
    return false;
}

bool identity_user(struct identity *id, uint64_t *out)
{
    if (!id->has_user)
        id->user_known = read_user(read_file(id, "status"), &id->user);
    id->has_user = true;
    *out = id->user;
    return id->user_known;
}

struct str identity_container_name(struct identity *id)
{
    struct str container;

    if (id->has_container_name)
        return id->container_name;
    id->has_container_name = true;
    container = cgroup_container(identity_cgroup(id));
    id->container_name = container.n ? container_name(id->run, container) : STR("");
    return id->container_name;
}
