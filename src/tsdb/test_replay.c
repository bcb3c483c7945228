/* The log read back after damage: the head that comes out holds nothing that was not sent, and what
 * is missing is said. No threads, so that every byte and bit can have its turn.
 */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/db_fixture.h"
#include "tsdb/head.h"
#include "tsdb/replay.h"
#include "tsdb/wal_record.h"

#define COMMITS 20
#define SERIES  6
#define PULLED  3

/* The last one comes late, behind itself. */
static const char *const names[SERIES] = {"a", "b{i=\"1\"}", "c", "p", "q{i=\"2\"}", "late"};

static double value_of(size_t series, size_t n)
{
    size_t quarter = n / 4;

    switch (series) {
    case 1:
    case 3:
        return (double)quarter;
    case 2:
        return (double)(n * 40503 % 977) / 7;
    default:
        return (double)n + .125;
    }
}

static ts_ms time_of(size_t series, size_t n)
{
    return FIXTURE_T0 + (ts_ms)(series == SERIES - 1 ? COMMITS - n : n) * 15000;
}

/* A log whose every record was synced, in one segment. */
static struct fs *sent(struct db_fixture *f)
{
    struct fixture_pull p;
    struct fs *copy;

    f->sync_each_commit = true;
    db_fixture_open(f, NULL);
    db_fixture_pull_open(f, &p, "group", names, PULLED);
    for (size_t n = 0; n < COMMITS; n++) {
        double values[PULLED];

        for (size_t s = 0; s < PULLED; s++)
            values[s] = value_of(s, n);
        (void)db_fixture_pull(f, &p, time_of(0, n), values);
        for (size_t s = PULLED; s < SERIES; s++)
            db_fixture_put(f, names[s], time_of(s, n), value_of(s, n), NULL);
    }
    db_fixture_pull_close(f, &p);
    copy = db_fixture_copy(f);
    db_close(f->db);
    f->db = NULL;
    return copy;
}

static const char *log_name(struct db_fixture *f, struct fs *fs)
{
    struct fs_entry *entries;
    struct err err;
    size_t n, at = 0;

    assert_ok(fs->ops->list(fs, "wal", &f->a, &entries, &n, &err), err);
    assert_int_equal(n, 2); /* and the marks */
    while (!strstr(entries[at].name, ".log"))
        at++;
    return arena_printf(&f->a, &err, "wal/%s", entries[at].name);
}

static void check_sample(const struct labels *ls, ts_ms ts, double value, bool there[][SERIES])
{
    struct buf name;
    size_t s = 0, n;

    buf_init(&name, 0);
    labels_print(ls, &name);
    while (s < SERIES && strcmp(names[s], name.p) != 0)
        s++;
    buf_fini(&name);
    assert_true(s < SERIES);
    n = (size_t)(ts - FIXTURE_T0) / 15000;
    n = s == SERIES - 1 ? COMMITS - n : n;
    assert_true(n < COMMITS && time_of(s, n) == ts);
    assert_false(there[n][s]);
    there[n][s] = true;
    assert_true(value_is_stale(value) || value == value_of(s, n));
}

static void check_series(const struct head *h, const struct window *w, uint32_t id,
                         bool there[][SERIES])
{
    const struct labels *ls = h->series[id].labels;
    const struct side *side = window_side(w, id);
    struct window_part parts[16];
    size_t n = window_parts(w, id, parts, 16);

    for (size_t i = 0; i < n; i++) {
        struct stream_runs runs = {0};
        double values[4 * COMMITS], *v = values;

        (void)stream_decode(&parts[i].view, 0, UINT32_MAX, values, &runs);
        for (size_t r = 0; r < runs.n; r++)
            for (uint32_t k = 0; k < runs.items[r].n; k++)
                check_sample(ls, w->columns[parts[i].column]->ts[runs.items[r].pos + k], *v++,
                             there);
        mem_free(runs.items);
    }
    for (uint32_t i = 0; side && i < side->n; i++)
        check_sample(ls, side->samples[i].ts, side->samples[i].value, there);
}

/* Replays the log in fs; returns how many samples are missing. */
static size_t replayed(struct fs *fs, struct wal_found *found)
{
    bool there[COMMITS][SERIES] = {0};
    struct replay r;
    struct head h;
    struct err err = {0};
    size_t missing = COMMITS * SERIES;

    head_init(&h, 1000);
    replay_init(&r, &h, NULL);
    assert_ok(wal_read(fs, NULL, &r.handler, found, &err), err);
    assert_int_equal(r.malformed, 0);
    for (size_t w = 0; w < h.active_n; w++) {
        assert_true(window_valid(h.active[w]));
        for (uint32_t id = 0; id < h.series_n; id++)
            check_series(&h, h.active[w], id, there);
    }
    for (size_t n = 0; n < COMMITS; n++)
        for (size_t s = 0; s < SERIES; s++)
            missing -= there[n][s];
    replay_fini(&r);
    head_fini(&h);
    return missing;
}

static void a_good_log_gives_all_back(void **state)
{
    struct db_fixture f = {0};
    struct fs *fs = sent(&f);
    struct wal_found found;

    (void)state;
    assert_int_equal(replayed(fs, &found), 0);
    assert_int_equal(found.corrupt, 0);
    assert_int_equal(found.torn_tails, 0);
    fs_free(fs);
    arena_fini(&f.a);
}

static void a_log_cut_anywhere_loses_its_end_only(void **state)
{
    struct db_fixture f = {0};
    struct fs *fs = sent(&f);
    const char *name = log_name(&f, fs);
    size_t n, before = 0, missing;
    unsigned char *bytes = fs_fault_bytes(fs, name, &n);
    unsigned char *whole = mem_dup(bytes, n);
    struct wal_found found;

    (void)state;
    for (size_t cut = 0; cut <= n; cut++) {
        fs_fault_put(fs, name, whole, n - cut);
        missing = replayed(fs, &found);
        assert_true(missing >= before);
        before = missing;
        if (missing)
            assert_true(found.corrupt > 0);
    }
    assert_int_equal(before, COMMITS * SERIES);
    mem_free(whole);
    fs_free(fs);
    arena_fini(&f.a);
}

static void an_end_that_was_never_synced_is_no_damage(void **state)
{
    struct db_fixture f = {0};
    struct fs *fs = sent(&f);
    const char *name = log_name(&f, fs);
    size_t n, at = 0, last = 0;
    unsigned char *bytes = fs_fault_bytes(fs, name, &n);
    unsigned char *whole = mem_dup(bytes, n);
    struct wal_header h;
    struct wal_found found;

    (void)state;
    while (at < n) {
        assert_true(wal_header_read(whole + at, n - at, &h));
        last = h.type == WAL_ROWS ? at : last;
        at += wal_record_bytes(h.payload_bytes);
    }
    fs_fault_put(fs, "wal/synced", "", 0);
    fs_fault_put(fs, name, whole, last + 30);
    assert_int_equal(replayed(fs, &found), 1);
    assert_int_equal(found.corrupt, 0);
    assert_int_equal(found.torn_tails, 1);
    /* Zeros after the end, as some file systems leave them. */
    whole = mem_realloc(whole, n + 4096);
    memset(whole + n, 0, 4096);
    fs_fault_put(fs, name, whole, n + 4096);
    assert_int_equal(replayed(fs, &found), 0);
    assert_int_equal(found.corrupt, 0);
    mem_free(whole);
    fs_free(fs);
    arena_fini(&f.a);
}

static void a_flipped_bit_never_makes_a_wrong_value(void **state)
{
    struct db_fixture f = {0};
    struct fs *good = sent(&f);
    const char *name = log_name(&f, good);
    size_t n, marks_n;
    unsigned char *bytes = fs_fault_bytes(good, name, &n);
    unsigned char *marks = fs_fault_bytes(good, "wal/synced", &marks_n);
    struct wal_found found;

    (void)state;
    /* Each bit of the first two records, then one of each byte. */
    for (size_t at = 0; at < n * 8; at += at < 800 ? 1 : 13) {
        struct fs *fs = fs_fault_new();

        bytes[at / 8] ^= (unsigned char)(1 << (at % 8));
        fs_fault_put(fs, "wal/synced", marks, marks_n);
        fs_fault_put(fs, name, bytes, n);
        if (replayed(fs, &found))
            assert_true(found.corrupt > 0);
        bytes[at / 8] ^= (unsigned char)(1 << (at % 8));
        fs_free(fs);
    }
    fs_free(good);
    arena_fini(&f.a);
}

static void a_record_lost_anywhere_makes_no_value_wrong_after_it(void **state)
{
    struct db_fixture f = {0};
    struct fs *fs = sent(&f);
    const char *name = log_name(&f, fs);
    size_t n, with_loss = 0;
    unsigned char *bytes = fs_fault_bytes(fs, name, &n);
    unsigned char *whole = mem_dup(bytes, n), *less = mem_zalloc(n);
    struct wal_found found;

    (void)state;
    for (size_t at = 0; at < n;) {
        struct wal_header h;
        size_t len;

        assert_true(wal_header_read(whole + at, n - at, &h));
        len = wal_record_bytes(h.payload_bytes);
        memcpy(less, whole, at);
        memcpy(less + at, whole + at + len, n - at - len);
        fs_fault_put(fs, name, less, n - len);
        if (replayed(fs, &found)) {
            assert_true(found.corrupt > 0);
            with_loss++;
        }
        at += len;
    }
    assert_true(with_loss > COMMITS);
    mem_free(less);
    mem_free(whole);
    fs_free(fs);
    arena_fini(&f.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_log_gives_all_back),
        cmocka_unit_test(a_log_cut_anywhere_loses_its_end_only),
        cmocka_unit_test(an_end_that_was_never_synced_is_no_damage),
        cmocka_unit_test(a_flipped_bit_never_makes_a_wrong_value),
        cmocka_unit_test(a_record_lost_anywhere_makes_no_value_wrong_after_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
