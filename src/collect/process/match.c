#include "collect/process/match.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "collect/host/run.h"
#include "collect/process/cgroup.h"
#include "collect/process/identity.h"
#include "collect/process/process_settings.h"
#include "text/regex.h"

#define NAME_BYTES 15 /* of a command, as the kernel keeps it */
#define ID_LEAST   12 /* digits of a container's id */
/* A pid file is written by a process that has started; one that is older than the process with its
 * pid was left behind by another. */
#define PID_FILE_SLACK_S 2

int match_init(struct match *m, const struct process_group_settings *settings, struct err *err)
{
    *m = (struct match){.settings = settings};
    if (settings->match && regex_new(str_c(settings->match), false, &m->command, err) < 0)
        return err_context(err, "%s: match", settings->name);
    return 0;
}

void match_fini(struct match *m)
{
    regex_free(m->command);
}

bool match_read_pid_file(struct match *m, struct host_run *r, uint64_t *before)
{
    const char *path = m->settings->pid_file;
    int root = files_root_dir(r->files, FILES_ROOT);
    struct stat st;
    struct str text;
    uint64_t pid = 0;

    if (!path)
        return false;
    path += path[0] == '/';
    if (files_read_at(r->files, root, path, &text) == FILES_READ &&
        fstatat(root, path, &st, 0) == 0) {
        m->pid_written_s = st.st_mtime;
        text = str_trim(text);
        if (!scan_u64(str_split(&text, '\n'), &pid))
            pid = 0;
    }
    *before = m->pid;
    m->pid = pid;
    return pid != *before;
}

/* What the kernel tells has no links in it: /usr/bin/redis-server of Debian is a link. */
static bool is_file(const struct identity *id, const char *path)
{
    int root = files_root_dir(id->run->files, FILES_ROOT);
    struct stat file, running;
    char exe[32];

    (void)snprintf(exe, sizeof exe, "%llu/exe", (unsigned long long)id->pid);
    return fstatat(root, path + (path[0] == '/'), &file, 0) == 0 &&
           fstatat(id->proc, exe, &running, 0) == 0 && file.st_dev == running.st_dev &&
           file.st_ino == running.st_ino;
}

static bool is_exe(struct identity *id, const char *path)
{
    struct str exe = identity_exe(id), base, wanted = str_c(path);
    const char *slash = exe.n ? memrchr(exe.p, '/', exe.n) : NULL;

    if (memchr(wanted.p, '/', wanted.n))
        return str_eq(exe, wanted) || is_file(id, path);
    base = slash ? str_skip(exe, (size_t)(slash + 1 - exe.p)) : exe;
    return str_eq(base, wanted) || (id->name.n && str_eq(id->name, str_take(wanted, NAME_BYTES)));
}

static bool is_container(struct identity *id, struct str wanted)
{
    struct str text = identity_cgroup(id), container = cgroup_container(text);

    if (wanted.n >= ID_LEAST && str_starts(container, wanted))
        return true;
    return cgroup_has_machine(text, wanted) || str_eq(identity_container_name(id), wanted);
}

/* name:x:number:... of /etc/passwd */
static bool find_user(struct host_run *r, struct str name, uint64_t *out)
{
    struct str text, line;

    if (files_read_at(r->files, files_root_dir(r->files, FILES_ROOT), "etc/passwd", &text) !=
        FILES_READ)
        return false;
    while (scan_line(&text, &line)) {
        if (!str_eq(str_split(&line, ':'), name))
            continue;
        (void)str_split(&line, ':');
        return line.p && scan_u64(str_split(&line, ':'), out);
    }
    return false;
}

static bool is_user(struct identity *id, struct str wanted)
{
    uint64_t user, number;

    if (!identity_user(id, &user))
        return false;
    return (scan_u64(wanted, &number) || find_user(id->run, wanted, &number)) && number == user;
}

bool match_takes(const struct match *m, struct identity *id)
{
    const struct process_group_settings *s = m->settings;

    if (s->pid_file && (id->pid != m->pid || id->start_s > m->pid_written_s + PID_FILE_SLACK_S))
        return false;
    if (s->exe && !is_exe(id, s->exe))
        return false;
    if (s->unit && !cgroup_has_unit(identity_cgroup(id), str_c(s->unit)))
        return false;
    if (s->container && !is_container(id, str_c(s->container)))
        return false;
    if (s->user && !is_user(id, str_c(s->user)))
        return false;
    return !m->command || regex_matches(m->command, identity_command(id));
}
