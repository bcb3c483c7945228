/* The file of a plan: its text with what is added, written at once or not at all, and undone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/plan.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/edit.h"
#include "pack/pack.h"
#include "sys/whole_file.h"

#define PATH_BYTES     4096
#define FILE_BYTES_MAX (16u << 20) /* as config reads */
#define MODE_NEW       0644

enum read_result { READ_DONE, READ_ABSENT, READ_FAILED };

static enum read_result read_file(const char *file, struct buf *out, struct err *err)
{
    bool absent;

    if (whole_file_read(file, out, &absent, err) == 0)
        return absent ? READ_ABSENT : READ_DONE;
    (void)err_in_file(err, file);
    return READ_FAILED;
}

/* ---- the text ---- */

static bool goes_in(const struct plan_item *item, bool (*taken)(void *arg, const char *id),
                    void *arg)
{
    return item->state == PLAN_NEW && (!taken || taken(arg, item->found->id));
}

/* Those that go into `packs`, or the others; behind the first n. */
static size_t add_items(const struct plan *plan, bool in_packs,
                        bool (*taken)(void *arg, const char *id), void *arg,
                        struct edit_addition additions[], size_t n)
{
    for (size_t i = 0; i < plan->n; i++) {
        const struct plan_item *item = &plan->items[i];
        const struct found *f = item->found;

        if (item->in_packs == in_packs && goes_in(item, taken, arg))
            additions[n++] =
                (struct edit_addition){.host = f->host,
                                       .section = in_packs ? "packs" : "collect",
                                       .key = in_packs ? NULL : f->kind,
                                       .is_map = !in_packs && strcmp(f->entry, "{}") == 0,
                                       .text = item->entry,
                                       .comment = f->evidence};
    }
    return n;
}

int plan_text(const struct plan *plan, bool (*taken)(void *arg, const char *id), void *arg,
              struct buf *out, size_t *added, struct err *err)
{
    struct edit_addition *additions = mem_new_array(struct edit_addition, plan->n + 1);
    SCOPED(buf_fini) struct buf old;
    int result = -1;
    size_t n = 0;

    buf_init(&old, FILE_BYTES_MAX);
    /* Packs stand first in a new file, which is written from its end. */
    n = add_items(plan, false, taken, arg, additions, 0);
    n = add_items(plan, true, taken, arg, additions, n);
    switch (read_file(plan->file, &old, err)) {
    case READ_ABSENT:
        if (n > 0)
            buf_adds(&old, edit_head);
        result = 0;
        break;
    case READ_DONE:
        result = 0;
        break;
    case READ_FAILED:
        break;
    }
    if (result == 0)
        result = edit_add(plan->file, buf_str(&old), additions, n, out, err);
    *added = n;
    mem_free(additions);
    return result;
}

/* ---- writing ---- */

static int write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);

        if (n < 0 && errno != EINTR)
            return -1;
        text = str_skip(text, n > 0 ? (size_t)n : 0);
    }
    return fsync(fd);
}

/* With the rights and the owner of the file that it will replace. */
static int write_beside(const char *path, const char *like, struct str text, struct err *err)
{
    struct stat st;
    bool exists = stat(like, &st) == 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                  exists ? st.st_mode & 0777 : MODE_NEW);
    int os = 0;

    if (fd < 0)
        return err_os(err, errno, "%s cannot be written", path);
    if (exists && (fchmod(fd, st.st_mode & 07777) < 0 ||
                   (fchown(fd, st.st_uid, st.st_gid) < 0 && geteuid() == 0)))
        os = errno;
    if (!os && write_all(fd, text) < 0)
        os = errno;
    (void)close(fd);
    if (!os)
        return 0;
    (void)unlink(path);
    return err_os(err, os, "%s cannot be written", path);
}

/* A link is followed, so that the file itself is replaced. */
static void real_file(const char *file, char out[PATH_BYTES])
{
    char *real = realpath(file, NULL);

    (void)snprintf(out, PATH_BYTES, "%s", real ? real : file);
    free(real);
}

/* The first mistake, when it is none that a configuration may have. */
static int check(const char *path, const char *file, struct err *err)
{
    struct config *config = NULL;
    struct err *errors = NULL;
    size_t n = 0;

    if (config_load(path, NULL, &packs_reader, &config, &errors, &n) == 0) {
        config_free(config);
        return 0;
    }
    *err = errors[0];
    (void)snprintf(err->file, sizeof err->file, "%s", file);
    mem_free(errors);
    return err_context(err, "what would be written is no configuration; nothing was changed");
}

static int replace(const char *from, const char *to, struct err *err)
{
    char folder[PATH_BYTES];
    char *slash;
    int fd;

    if (rename(from, to) < 0) {
        int os = errno;

        (void)unlink(from);
        return err_os(err, os, "%s cannot be replaced", to);
    }
    (void)snprintf(folder, sizeof folder, "%s", to);
    slash = strrchr(folder, '/');
    (void)snprintf(slash ? slash : folder, 2, slash == folder ? "/" : slash ? "" : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    return 0;
}

/* Folders above it; what fails, the writing says in full. */
static void make_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void)mkdir(path, 0755);
        *p = '/';
    }
}

int plan_write(const char *file, struct str text, struct err *err)
{
    char real[PATH_BYTES], fresh[PATH_BYTES + 16], before[PATH_BYTES + 16];
    SCOPED(buf_fini) struct buf old;
    enum read_result was;

    buf_init(&old, FILE_BYTES_MAX);
    real_file(file, real);
    (void)snprintf(fresh, sizeof fresh, "%s.new", real);
    (void)snprintf(before, sizeof before, "%s.before-up", real);
    was = read_file(real, &old, err);
    if (was == READ_FAILED)
        return -1;
    if (was == READ_ABSENT)
        make_folders(real);
    if (write_beside(fresh, real, text, err) < 0)
        return -1;
    if (check(fresh, file, err) < 0 ||
        (was == READ_DONE && write_beside(before, real, buf_str(&old), err) < 0)) {
        (void)unlink(fresh);
        return -1;
    }
    return replace(fresh, real, err);
}

/* ---- undoing ---- */

/* The copy of what was there is of no use when the file is that again. */
static void drop_copy(const char *real, struct str text)
{
    char before[PATH_BYTES + 16];
    SCOPED(buf_fini) struct buf copy;
    struct err err;

    buf_init(&copy, FILE_BYTES_MAX);
    (void)snprintf(before, sizeof before, "%s.before-up", real);
    if (read_file(before, &copy, &err) == READ_DONE &&
        (str_eq(buf_str(&copy), text) || text.n == 0))
        (void)unlink(before);
}

int plan_undo(const char *file, bool only_tell, struct plan_undone *out, struct buf *told,
              struct err *err)
{
    char real[PATH_BYTES], fresh[PATH_BYTES + 16];
    SCOPED(buf_fini) struct buf old, text;
    struct edit_undone undone;

    *out = (struct plan_undone){.taken = 0};
    buf_init(&old, FILE_BYTES_MAX);
    buf_init(&text, 0);
    real_file(file, real);
    switch (read_file(real, &old, err)) {
    case READ_ABSENT:
        return 0;
    case READ_FAILED:
        return -1;
    case READ_DONE:
        break;
    }
    edit_take_back(buf_str(&old), &text, &undone, told);
    *out = (struct plan_undone){undone.taken, undone.changed, undone.was_ours};
    if (undone.taken == 0 || only_tell)
        return 0;
    if (undone.was_ours) {
        if (unlink(real) < 0)
            return err_os(err, errno, "%s cannot be removed", file);
        drop_copy(real, STR(""));
        return 0;
    }
    (void)snprintf(fresh, sizeof fresh, "%s.new", real);
    if (write_beside(fresh, real, buf_str(&text), err) < 0 || replace(fresh, real, err) < 0)
        return -1;
    drop_copy(real, buf_str(&text));
    return 0;
}
