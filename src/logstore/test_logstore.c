#include "base/test.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "logstore/logstore.h"
#include "logstore/search.h"

#define NOW_MS INT64_C(1764246600000) /* 2025-11-27T12:30:00Z */
#define DAY_MS INT64_C(86400000)

struct fixture {
    char folder[64], lines[80];
    struct manual_clock clock;
    struct logstore_context context;
    struct logstore *store;
    struct buf found; /* "message|message|" of a search */
};

static void open_store(struct fixture *f)
{
    f->store = logstore_new(&f->context);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/test_logstore.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->lines, sizeof f->lines, "%s/lines", f->folder);
    manual_clock_init(&f->clock, NOW_MS);
    f->context = (struct logstore_context){
        .folder = f->lines, .clock = &f->clock.clock, .retention_ms = 14 * DAY_MS};
    open_store(f);
    *state = f;
    return 0;
}

static size_t each_file(struct fixture *f, const char *end, bool delete)
{
    DIR *dir = opendir(f->lines);
    struct dirent *e;
    char path[400];
    size_t n = 0;

    while (dir && (e = readdir(dir))) {
        if (e->d_name[0] == '.' || !str_ends(str_c(e->d_name), str_c(end)))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", f->lines, e->d_name);
        n++;
        if (delete)
            (void)unlink(path);
    }
    if (dir)
        (void)closedir(dir);
    return n;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    logstore_close(f->store);
    (void)each_file(f, "", true);
    (void)rmdir(f->lines);
    *strrchr(f->lines, '/') = '\0';
    (void)rmdir(f->lines);
    (void)rmdir(f->folder);
    buf_fini(&f->found);
    free(f);
    return 0;
}

static void add(struct logstore_batch *b, int64_t time_ms, uint8_t level, const char *message)
{
    logstore_batch_add(
        b, &(struct logstore_line){.time_ms = time_ms, .level = level, .message = str_c(message)});
}

static void append(struct fixture *f, struct logstore_batch *b)
{
    logstore_wait(f->store, logstore_append(f->store, b));
}

static void append_one(struct fixture *f, const char *source, int64_t time_ms, uint8_t level,
                       const char *message)
{
    struct logstore_batch *b = logstore_batch_new(source);

    add(b, time_ms, level, message);
    append(f, b);
}

static bool on_row(void *arg, const struct logstore_row *row)
{
    struct fixture *f = arg;

    buf_add(&f->found, row->message);
    buf_addc(&f->found, '|');
    return true;
}

static const char *search_query(struct fixture *f, struct logstore_query *q)
{
    const struct logstore_bounds bounds = {.clock = &f->clock.clock};
    struct logstore_at at = {0};
    struct err err;

    buf_reset(&f->found);
    if (logstore_search(f->store, q, &bounds, &at, on_row, f, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(at.ended);
    return f->found.n ? f->found.p : "";
}

static const char *search(struct fixture *f, const char *text)
{
    struct logstore_query q = {.end_ms = INT64_MAX};
    struct err err;

    if (*text)
        assert_int_equal(words_read(str_c(text), &q.words, &err), 0);
    return search_query(f, &q);
}

static void lines_are_found_newest_first(void **state)
{
    struct fixture *f = *state;
    struct logstore_batch *b = logstore_batch_new("worker");

    add(b, NOW_MS + 2, 2, "third");
    add(b, NOW_MS, 2, "first");
    add(b, NOW_MS + 1, 2, "second");
    append(f, b);
    assert_string_equal(search(f, ""), "third|second|first|");
    append_one(f, "worker", NOW_MS - 1000, 2, "of before");
    assert_string_equal(search(f, ""), "third|second|first|of before|");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.end_ms = INT64_MAX, .forward = true}),
        "of before|first|second|third|");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.start_ms = NOW_MS, .end_ms = NOW_MS + 1}),
        "second|first|");
}

static void words_and_phrases_are_found(void **state)
{
    struct fixture *f = *state;

    append_one(f, "a", NOW_MS, 5, "CUDA out of memory");
    append_one(f, "a", NOW_MS + 1, 2, "memory of CUDA runs out");
    append_one(f, "a", NOW_MS + 2, 2, "nothing");
    assert_string_equal(search(f, "cuda memory"), "memory of CUDA runs out|CUDA out of memory|");
    assert_string_equal(search(f, "\"out of memory\""), "CUDA out of memory|");
    assert_string_equal(search(f, "noth*"), "nothing|");
    assert_string_equal(search(f, "absent"), "");
}

static void lines_are_told_apart_by_source_level_event_and_field(void **state)
{
    struct fixture *f = *state;
    const struct logstore_field fields[] = {{STR("status"), STR("success"), false},
                                            {STR("seconds"), STR("12.5"), true}};
    const struct logstore_field others[] = {{STR("status"), STR("failed after success"), false},
                                            {STR("seconds"), STR("12.5"), true}};
    const struct logstore_where good[] = {{STR("status"), STR("success")},
                                          {STR("seconds"), STR("12.5")}};
    const struct logstore_where bad = {STR("status"), STR("succ")};
    struct logstore_batch *b = logstore_batch_new("box/one");

    logstore_batch_add(b, &(struct logstore_line){.time_ms = NOW_MS,
                                                  .level = 2,
                                                  .event = STR("done"),
                                                  .message = STR("with fields"),
                                                  .fields = fields,
                                                  .fields_n = 2});
    /* The words are there, but the field is another. */
    logstore_batch_add(b, &(struct logstore_line){.time_ms = NOW_MS - 1,
                                                  .level = 2,
                                                  .event = STR("tried"),
                                                  .message = STR("with others"),
                                                  .fields = others,
                                                  .fields_n = 2});
    append(f, b);
    append_one(f, "boxer", NOW_MS + 1, 4, "error of boxer");
    append_one(f, "box", NOW_MS + 2, 3, "warning of box");
    append_one(f, "box@two", NOW_MS - 2, 2, "of another box");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.end_ms = INT64_MAX, .source = STR("box")}),
        "warning of box|with fields|with others|of another box|");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.end_ms = INT64_MAX, .level_min = 3}),
        "warning of box|error of boxer|");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.end_ms = INT64_MAX, .level_min = 4}),
        "error of boxer|");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.end_ms = INT64_MAX, .event = STR("done")}),
        "with fields|");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.end_ms = INT64_MAX, .where = good, .where_n = 2}),
        "with fields|");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.end_ms = INT64_MAX, .where = &bad, .where_n = 1}),
        "");
    assert_string_equal(
        search_query(f, &(struct logstore_query){.end_ms = INT64_MAX, .event = STR("undone")}), "");
}

static bool take_one(void *arg, const struct logstore_row *row)
{
    (void)on_row(arg, row);
    return false;
}

static void a_search_goes_on_where_it_stopped(void **state)
{
    struct fixture *f = *state;
    const struct logstore_bounds bounds = {.clock = &f->clock.clock};

    for (int i = 0; i < 3; i++) /* at the same time */
        append_one(f, "a", NOW_MS, 2, ((const char *[]){"x", "y", "z"})[i]);
    for (int forward = 0; forward < 2; forward++) {
        struct logstore_query q = {.end_ms = INT64_MAX, .forward = forward};
        struct logstore_at at = {0};
        struct err err;

        buf_reset(&f->found);
        while (!at.ended)
            assert_int_equal(logstore_search(f->store, &q, &bounds, &at, take_one, f, &err), 0);
        assert_string_equal(f->found.p, forward ? "x|y|z|" : "z|y|x|");
    }
}

static void lines_and_marks_outlast_a_restart(void **state)
{
    struct fixture *f = *state;
    struct logstore_batch *b = logstore_batch_new("a");
    struct buf text = {0};
    uint64_t serial;

    add(b, NOW_MS, 2, "kept");
    logstore_batch_mark(b, 7, STR("state 7"));
    append(f, b);
    logstore_close(f->store);
    open_store(f);
    assert_string_equal(search(f, "kept"), "kept|");
    logstore_mark(f->store, "a", &serial, &text);
    assert_int_equal(serial, 7);
    assert_string_equal(text.p, "state 7");
    buf_reset(&text);
    logstore_mark(f->store, "b", &serial, &text);
    assert_int_equal(serial, 0);
    assert_int_equal(text.n, 0);
    buf_fini(&text);
    append_one(f, "a", NOW_MS + 1, 2, "kept too");
    assert_string_equal(search(f, "kept"), "kept too|kept|");
    assert_int_equal(logstore_stats(f->store).lines, 2);
}

/* They begin at the clock's milliseconds, and anew every 2^20. */
static void lines_of_one_time_stay_in_order_where_their_numbers_begin_anew(void **state)
{
    struct fixture *f = *state;
    struct logstore_batch *b;

    logstore_close(f->store);
    manual_clock_init(&f->clock, (NOW_MS | ((1 << 20) - 1)) - 1);
    open_store(f);
    b = logstore_batch_new("a");
    for (int i = 0; i < 4; i++)
        add(b, NOW_MS, 2, ((const char *[]){"1", "2", "3", "4"})[i]);
    append(f, b);
    append_one(f, "a", NOW_MS, 2, "5");
    assert_string_equal(search(f, ""), "5|4|3|2|1|");
}

/* ---- bounds ---- */

static void restart(struct fixture *f)
{
    logstore_close(f->store);
    open_store(f);
}

/* So many lines of a kilobyte that says little. */
static void append_kilobytes(struct fixture *f, size_t n)
{
    struct logstore_batch *b = logstore_batch_new("big");
    char text[1001];

    for (size_t i = 0; i < n; i++) {
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        add(b, f->clock.wall_ms, 2, text);
    }
    append(f, b);
}

static void what_is_older_than_the_bound_goes(void **state)
{
    struct fixture *f = *state;

    append_one(f, "a", NOW_MS, 2, "old");
    manual_clock_advance(&f->clock, 13 * DAY_MS);
    append_one(f, "a", f->clock.wall_ms, 2, "middle");
    assert_string_equal(search(f, ""), "middle|old|");
    manual_clock_advance(&f->clock, 2 * DAY_MS);
    append_one(f, "a", f->clock.wall_ms, 2, "new");
    append_one(f, "a", f->clock.wall_ms, 2, "newer"); /* the bounds are kept behind each round */
    assert_string_equal(search(f, ""), "newer|new|middle|");
    assert_int_equal(logstore_stats(f->store).deleted_files, 1);
    assert_int_equal(each_file(f, ".sqlite", false), 2);
}

static void what_is_beyond_the_room_goes_oldest_first(void **state)
{
    struct fixture *f = *state;
    struct logstore_stats stats;

    logstore_set_retention(f->store, 0, 8u << 20);
    append_one(f, "a", NOW_MS - 1, 2, "oldest");
    for (int i = 0; i < 30; i++)
        append_kilobytes(f, 500);
    append_one(f, "a", NOW_MS + 1, 2, "newest");
    append_one(f, "a", NOW_MS + 1, 2, "newest");
    stats = logstore_stats(f->store);
    assert_in_range(stats.bytes, 4u << 20, 10u << 20);
    assert_true(stats.deleted_files > 0);
    assert_string_equal(search(f, "oldest"), "");
    assert_string_equal(search(f, "newest"), "newest|newest|");
}

/* ---- damage ---- */

/* Writes over the newest file (or over the other), from a byte on. */
static void damage(struct fixture *f, bool newest, long from)
{
    char path[400], found[400] = "";
    struct dirent *e;
    DIR *dir = opendir(f->lines);
    FILE *file;
    long size;

    assert_non_null(dir);
    while ((e = readdir(dir))) {
        if (!str_ends(str_c(e->d_name), STR(".sqlite")))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", f->lines, e->d_name);
        if (!found[0] || (strcmp(path, found) > 0) == newest)
            (void)snprintf(found, sizeof found, "%s", path);
    }
    (void)closedir(dir);
    file = fopen(found, "r+");
    assert_non_null(file);
    (void)fseek(file, 0, SEEK_END);
    size = ftell(file);
    (void)fseek(file, from, SEEK_SET);
    for (long i = from; i < size; i++)
        (void)fputc(0xee, file);
    (void)fclose(file);
}

static void a_damaged_file_is_moved_aside_at_the_start(void **state)
{
    struct fixture *f = *state;

    append_one(f, "a", NOW_MS, 2, "lost");
    logstore_close(f->store);
    damage(f, true, 0);
    open_store(f);
    append_one(f, "a", NOW_MS, 2, "kept");
    assert_string_equal(search(f, ""), "kept|");
    assert_int_equal(logstore_stats(f->store).damaged_files, 1);
    assert_int_equal(each_file(f, ".damaged", false), 1);
}

static void a_file_that_a_search_finds_damaged_is_moved_aside(void **state)
{
    struct fixture *f = *state;
    struct logstore_query q = {.end_ms = INT64_MAX};
    const struct logstore_bounds bounds = {.clock = &f->clock.clock};
    struct logstore_at at = {0};
    struct err err;

    append_kilobytes(f, 300);
    manual_clock_advance(&f->clock, DAY_MS);
    append_one(f, "a", f->clock.wall_ms, 2, "kept");
    restart(f); /* the write-ahead log is in the file now */
    assert_int_equal(logstore_stats(f->store).damaged_files, 0);
    (void)search(f, "kept");
    damage(f, false, 40000);
    assert_int_equal(logstore_search(f->store, &q, &bounds, &at, on_row, f, &err), -1);
    assert_int_equal(err.kind, ERR_CORRUPT);
    for (int i = 0; i < 500 && logstore_stats(f->store).damaged_files == 0; i++)
        usleep(10000);
    assert_int_equal(logstore_stats(f->store).damaged_files, 1);
    assert_string_equal(search(f, ""), "kept|");
}

static void the_first_line_makes_its_folder_and_the_one_above(void **state)
{
    struct fixture *f = *state;

    logstore_close(f->store);
    (void)snprintf(f->lines, sizeof f->lines, "%s/logs/lines", f->folder);
    open_store(f);
    append_one(f, "a", NOW_MS, 2, "kept");
    assert_string_equal(search(f, ""), "kept|");
}

static void lines_that_the_disk_does_not_take_are_counted(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->lines, "w"); /* where the folder should be */

    assert_non_null(file);
    (void)fclose(file);
    append_one(f, "a", NOW_MS, 2, "dropped");
    assert_int_equal(logstore_stats(f->store).dropped_lines, 1);
    assert_int_equal(unlink(f->lines), 0);
    append_one(f, "a", NOW_MS, 2, "kept");
    assert_string_equal(search(f, ""), "kept|");
    assert_int_equal(logstore_stats(f->store).stored_lines, 1);
}

/* ---- arrivals ---- */

static const char *arrived(struct fixture *f, const struct logstore_arrivals *a)
{
    return search_query(
        f, &(struct logstore_query){.end_ms = INT64_MAX, .forward = true, .arrived = a});
}

static void what_has_come_is_told_whatever_time_it_is_from(void **state)
{
    struct fixture *f = *state;
    struct logstore_arrivals a;

    append_one(f, "a", NOW_MS, 2, "before");
    logstore_arrivals(f->store, UINT64_MAX, &a);
    assert_string_equal(arrived(f, &a), "");
    append_one(f, "a", NOW_MS + 5, 2, "new");
    append_one(f, "a", NOW_MS - DAY_MS, 2, "late");
    logstore_arrivals(f->store, a.to, &a);
    assert_string_equal(arrived(f, &a), "late|new|");
    logstore_arrivals(f->store, a.to, &a);
    assert_string_equal(arrived(f, &a), "");
    for (int i = 0; i < 300; i++)
        append_one(f, "a", NOW_MS + 6, 2, "many");
    logstore_arrivals(f->store, a.to, &a);
    assert_int_equal(a.missed, 300 - (int)(a.to - a.from));
    assert_in_range(a.to - a.from, 200, 299);
    assert_int_equal(strlen(arrived(f, &a)), 5 * (a.to - a.from));
}

/* ---- all at once ---- */

struct reader {
    struct fixture *f;
    atomic_bool stop;
    size_t searches, failures;
};

static bool skip_row(void *arg, const struct logstore_row *row)
{
    struct reader *r = arg;

    r->failures += row->message.n != 1000;
    return true;
}

static void *read_on(void *arg)
{
    struct reader *r = arg;
    const struct logstore_bounds bounds = {.clock = &r->f->clock.clock, .cancelled = &r->stop};
    struct logstore_source *sources;
    struct err err;
    size_t n;

    while (!atomic_load(&r->stop)) {
        struct logstore_query q = {.end_ms = INT64_MAX, .forward = r->searches % 2};
        struct logstore_at at = {0};

        if (logstore_search(r->f->store, &q, &bounds, &at, skip_row, r, &err) < 0)
            r->failures += err.kind != ERR_CANCELLED;
        if (logstore_sources(r->f->store, &sources, &n, &err) == 0)
            logstore_sources_free(sources, n);
        else
            r->failures++;
        (void)logstore_stats(r->f->store);
        r->searches++;
    }
    return NULL;
}

static void searches_go_on_while_lines_are_written_and_deleted(void **state)
{
    struct fixture *f = *state;
    struct reader readers[3] = {{.f = f}, {.f = f}, {.f = f}};
    pthread_t threads[3];

    logstore_set_retention(f->store, 0, 4u << 20);
    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    for (int i = 0; i < 40; i++)
        append_kilobytes(f, 300);
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        atomic_store(&readers[i].stop, true);
        (void)pthread_join(threads[i], NULL);
        assert_true(readers[i].searches > 0);
        assert_int_equal(readers[i].failures, 0);
    }
    assert_true(logstore_stats(f->store).deleted_files > 0);
    assert_int_equal(logstore_stats(f->store).dropped_lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_found_newest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            lines_of_one_time_stay_in_order_where_their_numbers_begin_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(words_and_phrases_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_told_apart_by_source_level_event_and_field,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_search_goes_on_where_it_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_and_marks_outlast_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_older_than_the_bound_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_beyond_the_room_goes_oldest_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_moved_aside_at_the_start, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_a_search_finds_damaged_is_moved_aside, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_line_makes_its_folder_and_the_one_above, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lines_that_the_disk_does_not_take_are_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_has_come_is_told_whatever_time_it_is_from, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(searches_go_on_while_lines_are_written_and_deleted, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
