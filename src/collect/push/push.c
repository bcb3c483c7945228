#include "collect/push/push.h"

#include <assert.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/push/push_impl.h"
#include "collect/push/push_settings.h"
#include "model/labels.h"
#include "sys/fs.h"

#define PART        "push"
#define INTERVAL_MS 5000
#define MEMORY_MAX  (256u << 20) /* of all that is kept, and of pushes under way */

/* The file: MAGIC, the groups as groups.h writes them, CRC32C of all before it. */
#define MAGIC      "earshot push 1\n"
#define STATE      "state"
#define STATE_NEW  "state.new"
#define STATE_BAD  "state.damaged"
#define STATE_MAX  (1u << 30) /* bytes */
#define MAGIC_SIZE (sizeof MAGIC - 1)

/* ---- the file ---- */

static int write_file(struct fs *fs, const struct buf *bytes, struct err *err)
{
    struct fs_file *f;
    int rc;

    if (fs->ops->create(fs, STATE_NEW, &f, err) < 0)
        return -1;
    rc = fs->ops->append(f, bytes->p, bytes->n, err);
    if (rc == 0)
        rc = fs->ops->datasync(f, err);
    fs->ops->close(f);
    if (rc == 0)
        rc = fs->ops->rename(fs, STATE_NEW, STATE, err);
    return rc < 0 ? -1 : fs->ops->sync_dir(fs, "", err);
}

/* Where nothing changed since the last time there is nothing to do. */
static void save(struct push *p)
{
    SCOPED(buf_fini) struct buf bytes = {.max_bytes = STATE_MAX};
    uint64_t version = push_groups_count(p->groups).version;
    struct err err;

    if (!p->context.fs || version == p->saved_version)
        return;
    buf_adds(&bytes, MAGIC);
    push_groups_write(p->groups, &bytes);
    put_u32(&bytes, crc32c(0, bytes.p, bytes.n));
    if (!bytes.overflowed && write_file(p->context.fs, &bytes, &err) == 0) {
        p->saved_version = version;
        p->told_failure = false;
        (void)atomic_fetch_add(&p->saves, 1);
        return;
    }
    (void)atomic_fetch_add(&p->save_failures, 1);
    if (!p->told_failure)
        log_error(p->context.log, PART, "what was pushed would not survive a restart: %s",
                  bytes.overflowed ? "it is more than 1 GB" : err.text);
    p->told_failure = true;
}

/* The whole file; p NULL when there is none. */
static int read_file(struct fs *fs, struct buf *out, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct fs_entry *entries;
    struct fs_file *f;
    size_t n, got = 0;
    uint64_t bytes = 0;
    char *to;
    int rc = -1;

    arena_init(&a, NULL); /* three names */
    if (fs->ops->list(fs, "", &a, &entries, &n, err) < 0)
        return -1;
    while (n > 0 && strcmp(entries[n - 1].name, STATE) != 0)
        n--;
    if (n == 0)
        return 0;
    if (fs->ops->open_read(fs, STATE, &f, err) < 0)
        return -1;
    if (fs->ops->size(f, &bytes, err) == 0 && bytes <= STATE_MAX) {
        to = buf_reserve(out, (size_t)bytes + 1);
        rc = fs->ops->pread(f, 0, to, (size_t)bytes, &got, err);
        out->n = got;
    } else if (bytes > STATE_MAX) {
        rc = err_set(err, ERR_CORRUPT, "it has %llu bytes", (unsigned long long)bytes);
    }
    fs->ops->close(f);
    return rc;
}

static int load(struct push *p, struct err *err)
{
    SCOPED(buf_fini) struct buf bytes = {.p = NULL};
    struct str groups;
    struct cursor end;

    if (read_file(p->context.fs, &bytes, err) < 0)
        return -1;
    if (!bytes.p)
        return 0;
    if (bytes.n < MAGIC_SIZE + 4 || !str_starts(buf_str(&bytes), STR(MAGIC)))
        return err_set(err, ERR_CORRUPT, "it is no file of pushed groups");
    end = cursor_of(bytes.p + bytes.n - 4, 4);
    if (cursor_u32(&end) != crc32c(0, bytes.p, bytes.n - 4))
        return err_set(err, ERR_CORRUPT, "its checksum is wrong");
    groups = (struct str){bytes.p + MAGIC_SIZE, bytes.n - MAGIC_SIZE - 4};
    return push_groups_read(p->groups, groups, err);
}

static void load_or_tell(struct push *p)
{
    struct fs *fs = p->context.fs;
    struct err err, aside;

    if (load(p, &err) == 0) {
        p->saved_version = push_groups_count(p->groups).version;
        return;
    }
    log_error(p->context.log, PART,
              "what was pushed before the restart could not be read from %s/" STATE ": %s",
              fs->root, err.text);
    push_groups_free(p->groups);
    p->groups = push_groups_new(&p->budget);
    if (fs->ops->rename(fs, STATE, STATE_BAD, &aside) == 0)
        log_error(p->context.log, PART, "the file is kept as %s/" STATE_BAD, fs->root);
}

/* ---- the target ---- */

static int collect_all(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct push *p = arg;
    const struct clock *clock = p->context.clock;
    size_t expired =
        push_groups_expire(p->groups, clock->wall_ms(clock), (int64_t)atomic_load(&p->ttl_ms));

    (void)atomic_fetch_add(&p->expired, expired);
    save(p);
    return push_groups_emit(p->groups, emit, scratch, err);
}

static int add_target(struct push *p, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct label pairs[] = {{STR("instance"), str_c(p->context.host_name)},
                            {STR("job"), STR("push")}};
    struct target_settings s = {
        .job = "push",
        .interval_ms = INTERVAL_MS,
        .timeout_ms = INTERVAL_MS,
        .honor_labels = true,
        .collector = {.name = "push", .collect = collect_all, .arg = p, .may_hang = true}};

    arena_init(&a, NULL); /* two labels */
    if (labels_build_sorted(&a, pairs, 2, &s.labels, err) < 0)
        return -1;
    s.discovered = s.labels;
    return collect_add(p->context.collect, &s, err);
}

void push_expose(struct push *p)
{
    struct err err;

    if (p->exposed)
        return;
    p->exposed = true;
    if (add_target(p, &err) < 0)
        log_error(p->context.log, PART, "what is pushed is not stored: %s", err.text);
}

/* ---- life ---- */

struct push *push_new(const struct push_context *context)
{
    struct push *p = mem_new(struct push);

    p->context = *context;
    budget_init(&p->budget, "memory of what is pushed", MEMORY_MAX, context->budget);
    p->groups = push_groups_new(&p->budget);
    if (p->context.fs)
        load_or_tell(p);
    return p;
}

void push_start(struct push *p)
{
    if (push_groups_count(p->groups).groups)
        push_expose(p);
}

void push_configure(struct push *p, const struct push_settings *settings)
{
    p->pushgateway = settings->pushgateway;
    atomic_store(&p->ttl_ms, settings->ttl_ms);
}

void push_free(struct push *p)
{
    if (!p)
        return;
    assert(p->under_way == 0);
    save(p);
    push_groups_free(p->groups);
    if (p->context.fs)
        fs_free(p->context.fs);
    mem_free(p);
}

struct push_stats push_stats(struct push *p)
{
    struct push_stats stats = p->stats;
    struct push_groups_counts counts = push_groups_count(p->groups);

    stats.groups = counts.groups;
    stats.series = counts.series;
    stats.expired = atomic_load(&p->expired);
    stats.saves = atomic_load(&p->saves);
    stats.save_failures = atomic_load(&p->save_failures);
    return stats;
}
