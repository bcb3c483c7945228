#include "collect/logs/follow_impl.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "collect/logs/follow.h"
#include "collect/logs/follow_file.h"
#include "text/json.h"

static void write_number(struct json_writer *w, const char *key, uint64_t v)
{
    json_key(w, key);
    json_i64(w, (int64_t)v);
}

static void write_unwrap(const struct unwrap_at *at, struct json_writer *w)
{
    write_number(w, "ahead", at->ahead);
    json_key(w, "drop");
    json_begin_array(w);
    for (size_t i = 0; i < UNWRAP_STREAMS; i++)
        json_bool(w, at->drop[i]);
    json_end_array(w);
}

void follow_write(const struct follow *f, struct json_writer *w)
{
    json_key(w, "started");
    json_bool(w, f->started);
    json_key(w, "pattern");
    json_cstr(w, f->settings.path ? f->settings.path : "");
    json_key(w, "files");
    json_begin_array(w);
    for (size_t i = 0; i < f->n; i++) {
        const struct follow_file *file = &f->files[i];

        if (file->fresh)
            continue; /* found anew after a restart, by way of the one whose name it has */
        json_begin_object(w);
        json_key(w, "path");
        json_cstr(w, file->path);
        write_number(w, "device", file->device);
        write_number(w, "inode", file->inode);
        write_number(w, "position", file->position);
        write_number(w, "tail_bytes", file->tail_bytes);
        write_number(w, "tail_crc", file->tail_crc);
        write_number(w, "skip", file->splitter.skip);
        write_number(w, "changed", (uint64_t)file->changed_ns);
        json_key(w, "moved");
        json_bool(w, file->moved && !follow_has_successor(f, file->path));
        json_key(w, "copy");
        json_bool(w, file->copy);
        json_key(w, "ended");
        json_bool(w, file->ended);
        if (f->settings.wrapped)
            write_unwrap(&file->at, w);
        json_end_object(w);
    }
    json_end_array(w);
}

static uint64_t number_of(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* What another path takes in stood there before, and may have been read as part of this one. */
static bool is_about(const struct follow *f, const json_t *root)
{
    const char *pattern = json_string_value(json_object_get(root, "pattern"));

    if (!json_object_get(root, "files"))
        return false;
    return !pattern || !f->settings.path || strcmp(pattern, f->settings.path) == 0;
}

void follow_load(struct follow *f, const struct json_t *root)
{
    const json_t *item;
    size_t i;

    f->looked = is_about(f, root);
    f->started = json_is_true(json_object_get(root, "started"));
    json_array_foreach(json_object_get(root, "files"), i, item)
    {
        const char *path = json_string_value(json_object_get(item, "path"));
        uint64_t skip = number_of(item, "skip");
        struct stat st = {.st_dev = number_of(item, "device"), .st_ino = number_of(item, "inode")};
        struct follow_file *file;

        if (!path || f->n >= FOLLOW_FILES_MAX || number_of(item, "position") > INT64_MAX)
            continue;
        file = follow_add_file(f, path, &st, -1);
        file->position = number_of(item, "position");
        file->tail_bytes = (uint32_t)number_of(item, "tail_bytes");
        file->tail_crc = (uint32_t)number_of(item, "tail_crc");
        file->copy = json_is_true(json_object_get(item, "copy"));
        file->moved = json_is_true(json_object_get(item, "moved"));
        file->changed_ns = (int64_t)number_of(item, "changed");
        file->at.ahead = number_of(item, "ahead");
        for (size_t k = 0; k < UNWRAP_STREAMS; k++)
            file->at.drop[k] = json_is_true(json_array_get(json_object_get(item, "drop"), k));
        file->ended = json_is_true(json_object_get(item, "ended"));
        if (skip <= SPLITTER_REST_OF_ENTRY)
            file->splitter.skip = (enum splitter_skip)skip;
    }
}
