#include "logstore/files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

static const char *const companions[] = {"", "-wal", "-shm"};

void file_path(const char *folder, int64_t begun_ms, char out[FILE_PATH_BYTES])
{
    (void)snprintf(out, FILE_PATH_BYTES, "%s/%013" PRId64 ".sqlite", folder, begun_ms);
}

/* 0: it is no segment's name. */
static int64_t begun_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");

    return digits == 13 && strcmp(name + digits, ".sqlite") == 0 ? strtoll(name, NULL, 10) : 0;
}

static int by_age(const void *a, const void *b)
{
    const struct file *x = a, *y = b;

    return (x->begun_ms > y->begun_ms) - (x->begun_ms < y->begun_ms);
}

struct file *files_add(struct files *f, int64_t begun_ms)
{
    f->items = mem_grow(f->items, &f->cap, f->n + 1, sizeof *f->items);
    f->items[f->n] = (struct file){.begun_ms = begun_ms,
                                   .written_ms = begun_ms,
                                   .info = {.first_id = INT64_MAX, .last_id = INT64_MIN}};
    return &f->items[f->n++];
}

void files_forget(struct files *f, size_t i)
{
    memmove(&f->items[i], &f->items[i + 1], (f->n - i - 1) * sizeof *f->items);
    f->n--;
}

void files_fini(struct files *f)
{
    mem_free(f->items);
}

static void look(const char *folder, struct file *file, bool times)
{
    char path[FILE_PATH_BYTES], full[FILE_PATH_BYTES + 8];

    file_path(folder, file->begun_ms, path);
    file->bytes = 0;
    for (size_t i = 0; i < 2; i++) {
        struct stat st;
        int64_t written_ms;

        (void)snprintf(full, sizeof full, "%s%s", path, companions[i]);
        if (stat(full, &st) < 0)
            continue;
        file->bytes += (uint64_t)st.st_blocks * 512;
        written_ms = (int64_t)st.st_mtim.tv_sec * 1000;
        if (times && written_ms > file->written_ms)
            file->written_ms = written_ms;
    }
}

int files_scan(struct files *f, struct err *err)
{
    DIR *dir = opendir(f->folder);
    struct dirent *e;

    if (!dir)
        return errno == ENOENT ? 0 : err_os(err, errno, "cannot read %s", f->folder);
    while ((e = readdir(dir))) {
        int64_t begun_ms = begun_of(e->d_name);

        if (begun_ms > 0)
            look(f->folder, files_add(f, begun_ms), true);
    }
    (void)closedir(dir);
    if (f->n)
        qsort(f->items, f->n, sizeof *f->items, by_age);
    return 0;
}

void file_look(const char *folder, struct file *file)
{
    look(folder, file, false);
}

int file_delete(const char *folder, int64_t begun_ms, struct err *err)
{
    char path[FILE_PATH_BYTES], full[FILE_PATH_BYTES + 8];
    int rc = 0;

    file_path(folder, begun_ms, path);
    for (size_t i = 0; i < ARRAY_LEN(companions); i++) {
        (void)snprintf(full, sizeof full, "%s%s", path, companions[i]);
        if (unlink(full) < 0 && errno != ENOENT)
            rc = err_os(err, errno, "cannot delete %s", full);
    }
    return rc;
}

int file_move_aside(const char *folder, int64_t begun_ms, struct err *err)
{
    char path[FILE_PATH_BYTES], from[FILE_PATH_BYTES + 8], to[FILE_PATH_BYTES + 16];

    file_path(folder, begun_ms, path);
    for (size_t i = 0; i < ARRAY_LEN(companions); i++) {
        (void)snprintf(from, sizeof from, "%s%s", path, companions[i]);
        (void)snprintf(to, sizeof to, "%s.damaged%s", path, companions[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            return err_os(err, errno, "cannot rename %s", from);
    }
    return 0;
}
