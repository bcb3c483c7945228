#include "collect/logs/engines.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "collect/logs/follow_file.h"
#include "text/json.h"

#define CONFIG_BYTES_MAX (16u << 20)

static const char *const folders[] = {"/var/lib/docker", "/var/lib/containers/storage",
                                      "/home/*/.local/share/containers/storage"};

/* What one file says about containers, as long as it does not change. */
struct said {
    char *path; /* owned; of the file */
    int64_t changed_ns;
    bool seen; /* by this look */
    bool journal;
    char **logs; /* owned; [n]: the files of those that have the name */
    size_t n, cap;
};

struct engines {
    const char *name, *folder;
    struct said *said; /* owned */
    size_t n, cap;
    const char **paths; /* owned; the array alone */
    size_t paths_cap;
    char unreadable[PATH_MAX];
};

struct engines *engines_new(const char *name, const char *folder)
{
    struct engines *e = mem_new(struct engines);

    e->name = name;
    e->folder = folder;
    return e;
}

static void forget(struct said *s)
{
    for (size_t i = 0; i < s->n; i++)
        mem_free(s->logs[i]);
    s->n = 0;
    s->journal = false;
}

static void free_said(struct said *s)
{
    forget(s);
    mem_free(s->logs);
    mem_free(s->path);
}

void engines_free(struct engines *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n; i++)
        free_said(&e->said[i]);
    mem_free(e->said);
    mem_free(e->paths);
    mem_free(e);
}

static struct str text_of(const json_t *v)
{
    return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR("");
}

static void add_log(struct said *s, struct str path)
{
    char *copy = mem_zalloc(path.n + 1);

    memcpy(copy, path.p, path.n);
    s->logs = mem_grow(s->logs, &s->cap, s->n + 1, sizeof *s->logs);
    s->logs[s->n++] = copy;
}

/* ---- what files say ---- */

bool engines_read_docker(const struct json_t *root, struct str *name, struct str *path)
{
    *name = text_of(json_object_get(root, "Name"));
    *path = text_of(json_object_get(root, "LogPath"));
    if (str_starts(*name, STR("/")))
        *name = str_skip(*name, 1);
    return name->n > 0;
}

static bool fits(const struct engines *e, struct str name)
{
    return name.p && name.n && fnmatch(e->name, name.p, 0) == 0;
}

static void read_docker(const struct engines *e, const json_t *root, struct said *s)
{
    struct str name, path;

    if (!engines_read_docker(root, &name, &path) || !fits(e, name))
        return;
    if (path.n)
        add_log(s, path);
    else
        s->journal = true; /* another log driver */
}

/* [{"id": "...", "names": ["a"], ...}] */
static void read_podman(const struct engines *e, const json_t *root, struct said *s)
{
    struct str folder = str_c(s->path);
    const json_t *item, *name;
    size_t i, k;

    while (folder.n && folder.p[folder.n - 1] != '/')
        folder.n--;
    json_array_foreach(root, i, item)
    {
        struct str id = text_of(json_object_get(item, "id"));
        bool is = false;

        json_array_foreach(json_object_get(item, "names"), k, name) is |= fits(e, text_of(name));
        if (is && id.n && !memchr(id.p, '/', id.n)) {
            char path[PATH_MAX];
            int n = snprintf(path, sizeof path, "%.*s%.*s/userdata/ctr.log", STR_ARGS(folder),
                             STR_ARGS(id));
            struct stat st;

            if (n < 0 || (size_t)n >= sizeof path)
                continue;
            if (stat(path, &st) == 0)
                add_log(s, str_c(path));
            else
                s->journal = true;
        }
    }
}

static json_t *read_json(int fd, const struct stat *st)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = CONFIG_BYTES_MAX + 1};
    char *p = buf_reserve(&text, (size_t)st->st_size + 1);
    json_t *root = NULL;
    struct err err;

    if (!p)
        return NULL;
    text.n = file_read(fd, p, (size_t)st->st_size, 0);
    return json_read(buf_str(&text), &root, &err) == 0 ? root : NULL;
}

static struct said *said_of(struct engines *e, const char *path)
{
    for (size_t i = 0; i < e->n; i++)
        if (strcmp(e->said[i].path, path) == 0)
            return &e->said[i];
    e->said = mem_grow(e->said, &e->cap, e->n + 1, sizeof *e->said);
    e->said[e->n] = (struct said){.path = mem_strdup(path)};
    return &e->said[e->n++];
}

static void take_file(struct engines *e, const char *path,
                      void (*read)(const struct engines *e, const json_t *root, struct said *s),
                      struct engines_found *out)
{
    struct said *s = said_of(e, path);
    struct stat st;
    json_t *root;
    int fd;

    s->seen = true;
    if (stat(path, &st) == 0 && s->changed_ns == file_changed_ns(&st))
        return;
    fd = file_open(path, &st);
    if (fd < 0) {
        if (errno != ENOENT)
            out->os = errno;
        s->changed_ns = 0;
        return;
    }
    /* One that is half written is read again when it has changed. */
    s->changed_ns = file_changed_ns(&st);
    root = read_json(fd, &st);
    forget(s);
    read(e, root, s);
    json_decref(root);
    (void)close(fd);
}

/* ---- looking ---- */

static int note_error(const char *path, int os)
{
    (void)path;
    (void)os;
    return 0; /* go on */
}

static void take_all(struct engines *e, const char *folder, const char *end,
                     void (*read)(const struct engines *e, const json_t *root, struct said *s),
                     struct engines_found *out)
{
    char pattern[PATH_MAX];
    glob_t found = {0};
    int n = snprintf(pattern, sizeof pattern, "%s%s", folder, end);

    if (n < 0 || (size_t)n >= sizeof pattern)
        return;
    if (glob(pattern, 0, note_error, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            take_file(e, found.gl_pathv[i], read, out);
    globfree(&found);
}

/* A folder that is there and may not be looked into, since only root may. */
static void check_folder(struct engines *e, const char *folder, const char *end,
                         struct engines_found *out)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s%s", folder, end);
    int fd;

    if (n < 0 || (size_t)n >= sizeof path || strchr(folder, '*'))
        return;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)close(fd);
        return;
    }
    if (errno == ENOENT || errno == ENOTDIR)
        return;
    out->os = errno;
    memcpy(e->unreadable, path, (size_t)n + 1);
    out->unreadable = e->unreadable;
}

static void look_in(struct engines *e, const char *folder, struct engines_found *out)
{
    check_folder(e, folder, "/containers", out);
    check_folder(e, folder, "/overlay-containers", out);
    take_all(e, folder, "/containers/*/config.v2.json", read_docker, out);
    take_all(e, folder, "/overlay-containers/containers.json", read_podman, out);
}

void engines_look(struct engines *e, struct engines_found *out)
{
    *out = (struct engines_found){0};
    for (size_t i = 0; i < e->n; i++)
        e->said[i].seen = false;
    if (e->folder)
        look_in(e, e->folder, out);
    for (size_t i = 0; !e->folder && i < ARRAY_LEN(folders); i++)
        look_in(e, folders[i], out);
    for (size_t i = 0; i < e->n; i++) {
        struct said *s = &e->said[i];

        if (!s->seen) {
            free_said(s);
            e->said[i--] = e->said[--e->n];
            continue;
        }
        out->journal |= s->journal;
        e->paths = mem_grow(e->paths, &e->paths_cap, out->n + s->n, sizeof *e->paths);
        for (size_t k = 0; k < s->n; k++)
            e->paths[out->n++] = s->logs[k];
    }
    out->paths = e->paths;
}
