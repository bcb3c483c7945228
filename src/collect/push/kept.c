#include "collect/push/kept.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "sys/fs.h"

#define NAME_BYTES 64

static const char *other_name(const struct kept *k, const char *suffix, char out[NAME_BYTES])
{
    (void)snprintf(out, NAME_BYTES, "%s.%s", k->name, suffix);
    return out;
}

void kept_begin(const struct kept *k, struct buf *bytes)
{
    bytes->max_bytes = KEPT_MAX;
    buf_adds(bytes, k->magic);
}

int kept_write(const struct kept *k, struct fs *fs, struct buf *bytes, struct err *err)
{
    char fresh[NAME_BYTES];
    struct fs_file *f;
    int rc;

    put_u32(bytes, crc32c(0, bytes->p, bytes->n));
    if (bytes->overflowed)
        return err_set(err, ERR_LIMIT, "it is more than 1 GB");
    if (fs->ops->create(fs, other_name(k, "new", fresh), &f, err) < 0)
        return -1;
    rc = fs->ops->append(f, bytes->p, bytes->n, err);
    if (rc == 0)
        rc = fs->ops->datasync(f, err);
    fs->ops->close(f);
    if (rc == 0)
        rc = fs->ops->rename(fs, fresh, k->name, err);
    return rc < 0 ? -1 : fs->ops->sync_dir(fs, "", err);
}

static int is_there(const struct kept *k, struct fs *fs, bool *there, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct fs_entry *entries;
    size_t n;

    arena_init(&a, NULL); /* a few names */
    if (fs->ops->list(fs, "", &a, &entries, &n, err) < 0)
        return -1;
    while (n > 0 && strcmp(entries[n - 1].name, k->name) != 0)
        n--;
    *there = n > 0;
    return 0;
}

static int read_all(const struct kept *k, struct fs *fs, struct buf *out, struct err *err)
{
    struct fs_file *f;
    uint64_t bytes = 0;
    size_t got = 0;
    char *to;
    int rc = -1;

    if (fs->ops->open_read(fs, k->name, &f, err) < 0)
        return -1;
    if (fs->ops->size(f, &bytes, err) == 0 && bytes <= KEPT_MAX) {
        to = buf_reserve(out, (size_t)bytes + 1);
        rc = fs->ops->pread(f, 0, to, (size_t)bytes, &got, err);
        out->n = got;
    } else if (bytes > KEPT_MAX) {
        rc = err_set(err, ERR_CORRUPT, "it has %llu bytes", (unsigned long long)bytes);
    }
    fs->ops->close(f);
    return rc;
}

int kept_read(const struct kept *k, struct fs *fs, struct buf *bytes, struct str *body,
              struct err *err)
{
    size_t magic_n = strlen(k->magic);
    struct cursor end;
    bool there;

    *body = (struct str){NULL, 0};
    if (is_there(k, fs, &there, err) < 0)
        return -1;
    if (!there)
        return 0;
    if (read_all(k, fs, bytes, err) < 0)
        return -1;
    if (bytes->n < magic_n + 4 || !str_starts(buf_str(bytes), str_c(k->magic)))
        return err_set(err, ERR_CORRUPT, "it is no file of this kind");
    end = cursor_of(bytes->p + bytes->n - 4, 4);
    if (cursor_u32(&end) != crc32c(0, bytes->p, bytes->n - 4))
        return err_set(err, ERR_CORRUPT, "its checksum is wrong");
    *body = (struct str){bytes->p + magic_n, bytes->n - magic_n - 4};
    return 0;
}

int kept_put_aside(const struct kept *k, struct fs *fs, struct err *err)
{
    char damaged[NAME_BYTES];

    return fs->ops->rename(fs, k->name, other_name(k, "damaged", damaged), err);
}
