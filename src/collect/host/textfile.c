/* Files of a directory that scripts write: *.prom, in the text format, as node_exporter's textfile
 * collector reads them. A file with a mistake, with times, or without its last newline (it is being
 * written) brings nothing; the others do. So does one with more than a script should tell: what the
 * store refuses would take all else of this pass with it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"
#include "model/emit.h"
#include "model/expo.h"

#define FILES_MAX       1000
#define SAMPLES_MAX     50000 /* of all files */
#define LABELS_MAX      64
#define VALUE_BYTES_MAX 4096 /* of a label */

/* Hands on what the parser finds, without its text, which is gone before the cycle is. */
struct forward {
    struct emit emit;
    struct emit *to;     /* NULL: only looks whether all can be taken */
    size_t left;         /* how many samples more there may be */
    struct arena labels; /* of one sample that is looked at */
};

struct textfile {
    const char *name, *path;
    double mtime;
};

static int forward_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct forward *f = CONTAINER_OF(e, struct forward, emit);

    return f->to ? f->to->family(f->to, family, err) : 0;
}

/* Whether the store will take it. */
static int check(struct forward *f, const struct emit_sample *sample, struct err *err)
{
    struct str name = str_take(sample->name, 100);
    struct label pairs[LABELS_MAX + 1];
    const struct labels *ignored;

    if (sample->has_ts)
        return err_set(err, ERR_SYNTAX, "%.*s has a time, which would be an old one soon",
                       STR_ARGS(name));
    if (f->left == 0)
        return err_set(err, ERR_LIMIT, "more than %d samples of all files together", SAMPLES_MAX);
    f->left--;
    if (sample->labels_n > LABELS_MAX)
        return err_set(err, ERR_LIMIT, "%.*s has more than %d labels", STR_ARGS(name), LABELS_MAX);
    for (size_t i = 0; i < sample->labels_n; i++) {
        pairs[i] = sample->labels[i];
        if (pairs[i].name.n + pairs[i].value.n > VALUE_BYTES_MAX)
            return err_set(err, ERR_LIMIT, "%.*s has a label of more than %d bytes", STR_ARGS(name),
                           VALUE_BYTES_MAX);
    }
    pairs[sample->labels_n] = (struct label){STR(LABEL_NAME), sample->name};
    arena_reset(&f->labels);
    return labels_build(&f->labels, pairs, sample->labels_n + 1, &ignored, err);
}

static int forward_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    struct forward *f = CONTAINER_OF(e, struct forward, emit);
    struct emit_sample bare = *sample;

    if (!f->to)
        return check(f, sample, err);
    bare.text = (struct emit_text){.series = {NULL, 0}};
    return f->to->sample(f->to, &bare, err);
}

/* *left: of the samples that may come, what this text leaves. */
static int parse(struct str text, struct emit *to, size_t *left, struct err *err)
{
    struct forward f = {
        .emit = {.family = forward_family, .sample = forward_sample}, .to = to, .left = *left};
    SCOPED(arena_fini) struct arena scratch;
    int rc;

    arena_init(&scratch, NULL); /* of a line; a file's size bounds it */
    arena_init(&f.labels, NULL);
    rc = expo_parse(text, EXPO_TEXT, &scratch, &f.emit, err);
    arena_fini(&f.labels);
    if (rc == 0)
        *left = f.left;
    return rc;
}

/* Whether all of it was handed on. */
static bool take_file(struct host_run *r, int dir, const struct textfile *file, size_t *left)
{
    struct str text;
    struct err err;
    char why[600];

    if (files_read_at(r->files, dir, file->name, &text) != FILES_READ) {
        host_broken_at(r, file->path, "it cannot be read");
        return false;
    }
    if (text.n && !str_ends(text, STR("\n"))) {
        host_broken_at(r, file->path,
                       "the last line is cut: write another file and give it this name then");
        return false;
    }
    if (parse(text, NULL, left, &err) < 0) {
        host_broken_at(r, file->path, err_format(&err, why, sizeof why));
        return false;
    }
    if (parse(text, r->emit, left, r->err) < 0)
        r->stopped = true;
    return !r->stopped;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct textfile *)a)->name, ((const struct textfile *)b)->name);
}

static bool is_wanted(const char *name)
{
    return *name != '.' && str_ends(str_c(name), STR(".prom"));
}

/* Those that may be read, by name. */
static struct textfile *list(struct host_run *r, int dir, size_t *n)
{
    struct textfile *files = NULL;
    struct files_entry *entries;
    size_t entries_n;

    *n = 0;
    if (files_list(r->files, dir, r->scratch, &entries, &entries_n, r->err) < 0) {
        r->stopped = true;
        return NULL;
    }
    files = host_new_array(r, struct textfile, entries_n + 1);
    for (size_t i = 0; files && i < entries_n; i++)
        if (is_wanted(entries[i].name))
            files[(*n)++].name = entries[i].name;
    if (files)
        qsort(files, *n, sizeof *files, by_name);
    return files;
}

static void take_files(struct host_run *r, int dir, struct textfile *files, size_t n, size_t *taken)
{
    size_t left = SAMPLES_MAX;

    for (size_t i = 0; i < n && !r->stopped; i++) {
        struct textfile *file = &files[i];

        file->path = arena_printf(r->scratch, r->err, "%s/%s", r->textfile_dir, file->name);
        if (!file->path) {
            r->stopped = true;
            return;
        }
        if (files_mtime(dir, file->name, &file->mtime) && take_file(r, dir, file, &left))
            files[(*taken)++] = *file;
    }
}

static void take_folder(struct host_run *r)
{
    int dir = files_open_dir(AT_FDCWD, r->textfile_dir);
    struct textfile *files;
    size_t n, taken = 0;

    r->present = true;
    if (dir < 0) {
        host_broken_at(r, r->textfile_dir, "this directory cannot be read");
        return;
    }
    if ((files = list(r, dir, &n))) {
        if (n > FILES_MAX) {
            host_broken_at(r, r->textfile_dir, "more than 1000 files: the others are left out");
            n = FILES_MAX;
        }
        take_files(r, dir, files, n, &taken);
        host_family(r, METRIC_GAUGE, "node_textfile_mtime_seconds",
                    "Unixtime mtime of textfiles successfully read.");
        for (size_t i = 0; i < taken; i++)
            host_sample1(r, files[i].mtime, "file", str_c(files[i].path));
    }
    (void)close(dir);
}

/* As node_exporter, it tells of no mistake also where no folder is named. */
void textfile_collect(struct host_run *r)
{
    if (r->textfile_dir)
        take_folder(r);
    else if (r->far)
        return;
    host_value(r, METRIC_GAUGE, "node_textfile_scrape_error",
               "1 if there was an error opening or reading a file, 0 otherwise", r->broken);
}
