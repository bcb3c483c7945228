#include "collect/host/fixture.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/host/scan.h"
#include "model/expo.h"

#define PATH_BYTES_MAX 200
#define FULL_BYTES_MAX (PATH_BYTES_MAX + 80)
#define FILES_MAX      600

static bool is_safe(struct str path)
{
    static const char *const roots[] = {"proc/", "sys/", "etc/", "run/", "var/", "dev/"};

    if (!path.n || path.n > PATH_BYTES_MAX || scan_has(path, "..") || scan_has(path, "//") ||
        path.p[path.n - 1] == '/')
        return false;
    for (size_t i = 0; i < path.n; i++) {
        if ((unsigned char)path.p[i] <= ' ' || (unsigned char)path.p[i] > '~')
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        if (str_starts(path, str_c(roots[i])))
            return true;
    }
    return false;
}

static void make_folders(char *path, size_t from)
{
    for (size_t i = from; path[i]; i++) {
        if (path[i] != '/')
            continue;
        path[i] = '\0';
        (void)mkdir(path, 0700);
        path[i] = '/';
    }
}

static void write_file(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return; /* a folder by that name: the fuzzer's doing */
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);

        assert(n > 0);
        text = str_skip(text, (size_t)n);
    }
    (void)close(fd);
}

static void full_path(const struct fixture *f, struct str name, char out[FULL_BYTES_MAX])
{
    (void)snprintf(out, FULL_BYTES_MAX, "%s/%.*s", f->dir, STR_ARGS(name));
    make_folders(out, strlen(f->dir) + 1);
}

static void add_file(struct fixture *f, struct str name, struct str text, bool cut)
{
    char path[FULL_BYTES_MAX];

    if (!is_safe(name))
        return;
    full_path(f, name, path);
    write_file(path, str_take(text, text.n - (cut && text.n)));
}

void fixture_link(struct fixture *f, const char *name, const char *target)
{
    char path[FULL_BYTES_MAX];

    full_path(f, str_c(name), path);
    if (symlink(target, path) < 0)
        abort();
}

void fixture_write(struct fixture *f, struct str machine)
{
    struct str line, head = {0}, text = {0};
    bool cut = false;

    for (int files = 0; files < FILES_MAX;) {
        bool more = scan_line(&machine, &line);
        bool begins = more && (str_starts(line, STR("== ")) || str_starts(line, STR("=! ")));

        if (more && !begins) {
            text.n += line.n + 1;
            continue;
        }
        if (head.p)
            add_file(f, head, text, cut);
        files++;
        if (!more)
            return;
        cut = line.p[1] == '!';
        head = str_skip(line, 3);
        text = (struct str){machine.p, 0};
    }
}

static void keep_line(struct log *log, enum log_level level, const char *part, const char *text)
{
    struct fixture *f = CONTAINER_OF(log, struct fixture, log);
    size_t n = strlen(f->logged);

    (void)level;
    (void)part;
    (void)snprintf(f->logged + n, sizeof f->logged - n, "%s\n", text);
}

void fixture_open(struct fixture *f, struct str machine)
{
    const char *tmp = getenv("TMPDIR");
    struct err err = {0};

    *f = (struct fixture){.log = {keep_line, LOG_DEBUG}};
    (void)snprintf(f->dir, sizeof f->dir, "%s/earshot-host-XXXXXX",
                   tmp && strlen(tmp) < 32 ? tmp : "/tmp");
    if (!mkdtemp(f->dir))
        abort();
    (void)snprintf(f->proc, sizeof f->proc, "%s/proc", f->dir);
    (void)snprintf(f->sys, sizeof f->sys, "%s/sys", f->dir);
    (void)mkdir(f->proc, 0700);
    (void)mkdir(f->sys, 0700);
    manual_clock_init(&f->clock, 1795300000123);
    fixture_write(f, machine);
    if (scan_has(machine, "== var/textfile/"))
        (void)snprintf(f->textfiles, sizeof f->textfiles, "%s/var/textfile", f->dir);

    struct host_settings settings = {.proc = f->proc,
                                     .sys = f->sys,
                                     .root = f->dir,
                                     .top = 2,
                                     .psi = true,
                                     .textfile_dir = f->textfiles[0] ? f->textfiles : NULL,
                                     .clock = &f->clock.clock,
                                     .log = &f->log};

    if (host_collectors(&settings, f->collectors, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

void fixture_collect(struct fixture *f, struct buf *out)
{
    for (int i = 0; i < HOST_COLLECTORS; i++) {
        struct arena scratch;
        struct expo_writer writer;
        struct err err = {0};

        arena_init(&scratch, NULL);
        expo_writer_init(&writer, EXPO_TEXT, out);
        if (f->collectors[i].collect(f->collectors[i].arg, &writer.emit, &scratch, &err) < 0) {
            (void)fprintf(stderr, "%s\n", err.text);
            abort();
        }
        arena_fini(&scratch);
    }
}

void fixture_remove(struct fixture *f, const char *path)
{
    char full[FULL_BYTES_MAX];

    full_path(f, str_c(path), full);
    (void)unlink(full);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void fixture_close(struct fixture *f)
{
    for (int i = 0; i < HOST_COLLECTORS; i++)
        f->collectors[i].free(f->collectors[i].arg);
    (void)nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
