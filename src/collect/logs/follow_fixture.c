#include "collect/logs/follow_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "text/json.h"

int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    (void)snprintf(f->folder, sizeof f->folder, "/tmp/earshot-follow-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    manual_clock_init(&f->clock, 0);
    f->settings = (struct follow_settings){.line_max = 256};
    *state = f;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    follow_free(f->follow);
    buf_fini(&f->told);
    buf_fini(&f->state);
    (void)snprintf(command, sizeof command, "rm -r %s", f->folder);
    (void)!system(command);
    mem_free(f);
    return 0;
}

const char *path_of(struct fixture *f, const char *name)
{
    (void)snprintf(f->path, sizeof f->path, "%s/%s", f->folder, name);
    return f->path;
}

void append(struct fixture *f, const char *name, const char *text)
{
    FILE *file = fopen(path_of(f, name), "a");

    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

void date(struct fixture *f, const char *name, int64_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    assert_int_equal(utimensat(AT_FDCWD, path_of(f, name), times, 0), 0);
}

void move(struct fixture *f, const char *from, const char *to)
{
    char old[128];

    (void)snprintf(old, sizeof old, "%s", path_of(f, from));
    assert_int_equal(rename(old, path_of(f, to)), 0);
}

void start(struct fixture *f, const char *pattern)
{
    (void)snprintf(f->pattern, sizeof f->pattern, "%s/%s", f->folder, pattern);
    f->settings.path = f->pattern;
    f->follow = follow_new(&f->settings);
}

void on_entry(void *arg, const struct log_entry *entry)
{
    struct fixture *f = arg;

    buf_add(&f->told, entry->text);
    buf_addc(&f->told, '|');
}

const char *read_once(struct fixture *f, int64_t ms)
{
    const struct source_pass pass = {
        .clock = &f->clock.clock, .until_ns = INT64_MAX, .entry = on_entry, .arg = f};
    struct err err;

    manual_clock_advance(&f->clock, ms);
    buf_reset(&f->told);
    assert_ok(follow_read(f->follow, &pass, &err), err);
    return f->told.p ? f->told.p : "";
}

const char *read_all(struct fixture *f)
{
    SCOPED(buf_fini) struct buf first = {0};

    buf_adds(&first, read_once(f, 1));
    buf_adds(&first, read_once(f, 2000));
    buf_reset(&f->told);
    buf_add(&f->told, buf_str(&first));
    return f->told.p ? f->told.p : "";
}

void renumber(json_t *root)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(root, "files"), i, item)
    {
        json_t *device = json_object_get(item, "device");

        assert_int_equal(json_integer_set(device, json_integer_value(device) + 1), 0);
    }
}

void restart_with(struct fixture *f, void (*change)(json_t *root))
{
    SCOPED(buf_fini) struct buf text = {0};
    struct json_writer w;
    json_t *root = NULL;
    struct err err;

    json_begin(&w, &text);
    json_begin_object(&w);
    follow_write(f->follow, &w);
    json_end_object(&w);
    assert_int_equal(json_read(buf_str(&text), &root, &err), 0);
    if (change)
        change(root);
    follow_free(f->follow);
    f->follow = follow_new(&f->settings);
    follow_load(f->follow, root);
    json_decref(root);
}

void restart(struct fixture *f)
{
    restart_with(f, NULL);
}

void copy_and_empty(struct fixture *f, const char *name, const char *copy, int64_t seconds)
{
    char text[256];
    FILE *file = fopen(path_of(f, name), "r");
    size_t n;

    assert_non_null(file);
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = 0;
    (void)fclose(file);
    append(f, copy, text);
    date(f, copy, seconds);
    assert_int_equal(truncate(path_of(f, name), 0), 0);
    date(f, name, seconds);
}
