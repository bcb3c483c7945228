/* Targets from files that a person or a program writes: file_sd_configs. */
#include <glob.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/discover/discover.h"
#include "collect/discover/groups.h"
#include "sys/notice.h"
#include "sys/whole_file.h"

#define SOON_MS 20 /* whoever writes a file often writes another */

/* One file, and what the lane made of it. */
struct source {
    char *path;
    uint64_t hash;                /* of its content, when it was read well the last time */
    bool known;                   /* something was found in it */
    bool here;                    /* in this look */
    struct target_groups *groups; /* new, for the loop to tell; NULL: as before */
};

struct file_discover {
    struct discover d;
    const struct file_discovery *settings;
    struct notice *notice; /* NULL: only the timer tells */

    /* The lane's while it runs. */
    struct source *sources; /* [sources_n] */
    size_t sources_n, sources_cap;
    struct err err;
};

static void on_change(void *arg)
{
    struct file_discover *f = arg;

    discover_soon(&f->d, SOON_MS);
}

/* ---- on the lane ---- */

static int read_all(const char *path, struct buf *out, struct err *err)
{
    struct stat st;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* which may never end */
        return err_set(err, ERR_TYPE, "is not a file");
    return whole_file_read(path, out, NULL, err);
}

static int parse(struct file_discover *f, struct source *s, struct str text, struct err *err)
{
    struct target_groups_origin origin = {s->path, {STR("__meta_filepath"), str_c(s->path)}};
    int rc;

    s->groups = target_groups_new(f->d.context->budget);
    if (str_ends(str_c(s->path), STR(".json")) || str_ends(str_c(s->path), STR(".JSON")))
        rc = target_groups_read_json(s->groups, text, &origin, err);
    else
        rc = target_groups_read_yaml(s->groups, text, s->path, &origin, err);
    if (rc < 0) {
        target_groups_unref(s->groups);
        s->groups = NULL;
    }
    return rc;
}

static void read_source(struct file_discover *f, struct source *s)
{
    struct err err = {.kind = ERR_NONE};
    uint64_t hash = 0;
    struct buf text;
    int rc;

    buf_init(&text, TARGET_GROUPS_BYTES_MAX);
    rc = read_all(s->path, &text, &err);
    if (rc == 0) {
        hash = hash_str(buf_str(&text));
        if (!s->known || hash != s->hash)
            rc = parse(f, s, buf_str(&text), &err);
    }
    buf_fini(&text);
    if (rc == 0) {
        s->hash = hash;
    } else {
        s->hash = 0;
        (void)err_in_file(&err, s->path);
        if (f->err.kind == ERR_NONE)
            f->err = err;
    }
}

static struct source *source_of(struct file_discover *f, const char *path)
{
    for (size_t i = 0; i < f->sources_n; i++)
        if (strcmp(f->sources[i].path, path) == 0)
            return &f->sources[i];
    f->sources = mem_grow(f->sources, &f->sources_cap, f->sources_n + 1, sizeof *f->sources);
    f->sources[f->sources_n] = (struct source){.path = mem_strdup(path)};
    return &f->sources[f->sources_n++];
}

/* Also a folder that comes later is noticed, at the look after. */
static void watch_folder_of(struct file_discover *f, const char *pattern)
{
    const char *slash = strrchr(pattern, '/');
    char *folder = mem_strdup(slash && slash != pattern ? pattern : slash ? "/" : ".");

    if (slash && slash != pattern)
        folder[slash - pattern] = '\0';
    if (f->notice && notice_folder(f->notice, folder, NULL) < 0) {
        /* The timer tells then: as long as the folder is not there, nothing is found in it. */
    }
    mem_free(folder);
}

static void run(struct discover *d)
{
    struct file_discover *f = CONTAINER_OF(d, struct file_discover, d);

    err_clear(&f->err);
    for (size_t i = 0; i < f->sources_n; i++)
        f->sources[i].here = false;
    for (size_t i = 0; i < f->settings->globs_n; i++) {
        const char *pattern = f->settings->globs[i];
        glob_t found = {0};

        /* Before it is read: what changes from here on is told. */
        watch_folder_of(f, pattern);
        if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
            for (size_t k = 0; k < found.gl_pathc; k++)
                source_of(f, found.gl_pathv[k])->here = true;
        }
        globfree(&found);
    }
    for (size_t i = 0; i < f->sources_n; i++)
        if (f->sources[i].here)
            read_source(f, &f->sources[i]);
}

/* ---- on the loop ---- */

static void told(struct discover *d, struct err *err)
{
    struct file_discover *f = CONTAINER_OF(d, struct file_discover, d);
    size_t kept = 0;

    *err = f->err;
    for (size_t i = 0; i < f->sources_n; i++) {
        struct source *s = &f->sources[i];

        if (s->groups) {
            s->known = true;
            d->listener.found(d->listener.arg, d, s->path, take(s->groups));
        } else if (!s->here && s->known) {
            d->listener.found(d->listener.arg, d, s->path, NULL);
        }
        if (s->here)
            f->sources[kept++] = *s;
        else
            mem_free(s->path);
    }
    f->sources_n = kept;
}

static void free_file(struct discover *d)
{
    struct file_discover *f = CONTAINER_OF(d, struct file_discover, d);

    notice_free(f->notice);
    for (size_t i = 0; i < f->sources_n; i++) {
        target_groups_unref(f->sources[i].groups);
        mem_free(f->sources[i].path);
    }
    mem_free(f->sources);
    mem_free(f);
}

static const struct discover_ops ops = {.kind = DISCOVER_FILE,
                                        .key = "file_sd_configs",
                                        .lane = LANE_SLOW,
                                        .run = run,
                                        .told = told,
                                        .free = free_file};

struct discover *discover_file_new(const struct discover_common *common,
                                   const struct file_discovery *settings)
{
    struct file_discover *f = mem_new(struct file_discover);
    struct err err;

    f->settings = settings;
    discover_init(&f->d, &ops, common, settings->refresh_ms);
    if (notice_new(common->context->loop, on_change, f, &f->notice, &err) < 0)
        log_warn(common->context->log, "discovery", "%s; files are read each refresh_interval",
                 err.text);
    return &f->d;
}
