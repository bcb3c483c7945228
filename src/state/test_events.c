#include "base/test.h"

#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "state/events.h"
#include "sys/fs.h"

#define NOW INT64_C(1700000000000)

static char folder[64];
static struct fs *fs;
static struct manual_clock now;
static struct state *state;
static struct events *events;
static struct arena arena;
static const struct labels *labels;
static struct err err;
static sem_t answered;

static void open_events(void)
{
    state = state_new(&(struct state_settings){fs, folder, &now.clock, NULL});
    events = events_new(&(struct events_settings){state, &now.clock, NULL});
}

static void close_events(void)
{
    state_free(state);
    events_free(events);
}

static int set_up(void **unused)
{
    struct label pairs[] = {{STR("job"), STR("soundbox")}, {STR("instance"), STR("studio")}};

    (void)unused;
    (void)snprintf(folder, sizeof folder, "/tmp/earshot-test-events-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(fs_open_dir(folder, false, &fs, &err), err);
    manual_clock_init(&now, NOW);
    arena_init(&arena, NULL);
    assert_ok(labels_build(&arena, pairs, 2, &labels, &err), err);
    (void)sem_init(&answered, 0, 0);
    open_events();
    return 0;
}

static int tear_down(void **unused)
{
    char command[128];

    (void)unused;
    close_events();
    fs_free(fs);
    arena_fini(&arena);
    (void)sem_destroy(&answered);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void tell(const char *kind, ts_ms start, ts_ms end, const char *key)
{
    events_tell(events, &(struct event_told){{kind, start, end, end < 0, labels, kind}, key, 0});
}

static void on_done(struct events_query *q)
{
    (void)q;
    (void)sem_post(&answered);
}

static void ask(struct events_query *q)
{
    q->arena = &arena;
    q->done = on_done;
    if (!q->limit)
        q->limit = 100;
    if (!q->end)
        q->end = INT64_MAX;
    events_find(events, q);
    (void)sem_wait(&answered);
    assert_ok(q->rc, q->err);
}

static size_t count(void)
{
    struct events_query q = {.start = 0};

    ask(&q);
    return q.n;
}

static void what_was_told_is_found_by_its_time(void **unused)
{
    struct events_query q = {.start = NOW + 150, .end = NOW + 250};

    (void)unused;
    tell("a", NOW, NOW, NULL);
    tell("b", NOW + 100, NOW + 200, NULL);
    tell("c", NOW + 300, NOW + 300, NULL);
    ask(&q);
    assert_int_equal(q.n, 1);
    assert_string_equal(q.found[0].is.kind, "b");
    assert_true(labels_equal(q.found[0].is.labels, labels));
    assert_int_equal(q.found[0].is.end, NOW + 200);
    assert_false(q.found[0].is.open || q.more);
    q = (struct events_query){.start = NOW, .limit = 2};
    ask(&q);
    assert_int_equal(q.n, 2);
    assert_true(q.more);
    assert_string_equal(q.found[0].is.kind, "b"); /* the newest, by start */
    assert_string_equal(q.found[1].is.kind, "c");
    assert_int_equal(events_stats(events).stored, 3);
}

static void kind_and_labels_choose(void **unused)
{
    struct events_query q = {.kind = STR("b")};
    struct matcher is, is_not;
    struct event_selector selectors[] = {{&is, 1}, {&is_not, 1}};

    (void)unused;
    tell("a", NOW, NOW, NULL);
    tell("b", NOW, NOW, NULL);
    ask(&q);
    assert_int_equal(q.n, 1);
    assert_ok(matcher_init(&is, &arena, MATCH_EQ, STR("job"), STR("soundbox"), &err), err);
    assert_ok(matcher_init(&is_not, &arena, MATCH_EQ, STR("job"), STR("x"), &err), err);
    q = (struct events_query){.selectors = selectors, .selectors_n = 2};
    ask(&q);
    assert_int_equal(q.n, 2);
    q = (struct events_query){.selectors = selectors + 1, .selectors_n = 1};
    ask(&q);
    assert_int_equal(q.n, 0);
    matcher_fini(&is);
    matcher_fini(&is_not);
}

static void one_that_is_told_again_under_its_key_goes_on(void **unused)
{
    struct events_query q = {.start = 0};
    struct event_told told = {{"job", NOW, NOW + 10, true, labels, "runs"}, "job 1", 0};

    (void)unused;
    events_tell(events, &told);
    told.is = (struct event){"job", NOW + 5, NOW + 90, false, labels, "done"};
    events_tell(events, &told);
    ask(&q);
    assert_int_equal(q.n, 1);
    assert_int_equal(q.found[0].is.start, NOW);
    assert_int_equal(q.found[0].is.end, NOW + 90);
    assert_string_equal(q.found[0].is.text, "done");
    assert_false(q.found[0].is.open);
}

static void a_key_that_comes_again_much_later_is_another_event(void **unused)
{
    (void)unused;
    tell("job", NOW, NOW + 10, "job 1");
    tell("job", NOW + 60000, NOW + 60000, "job 1");
    assert_int_equal(count(), 1);
    tell("job", NOW + 3600000, NOW + 3600000, "job 1");
    assert_int_equal(count(), 2);
}

static void the_same_within_a_moment_is_told_once(void **unused)
{
    struct event_told told = {{"restart", NOW, NOW, false, labels, "x"}, NULL, 5000};

    (void)unused;
    events_tell(events, &told);
    told.is.start = NOW + 3000;
    events_tell(events, &told);
    assert_int_equal(count(), 1);
    told.is.start = NOW + 9000;
    events_tell(events, &told);
    told.is.kind = "boot";
    events_tell(events, &told);
    assert_int_equal(count(), 3);
    assert_int_equal(events_stats(events).stored, 3);
    assert_int_equal(events_stats(events).told, 4);
}

static void the_next_start_finds_them_and_closes_what_was_open(void **unused)
{
    struct event_told told = {{"job", NOW, NOW + 10, true, labels, "runs"}, "job 1", 0};
    struct events_query q = {.start = 0};

    (void)unused;
    events_tell(events, &told);
    ask(&q);
    assert_true(q.found[0].is.open);
    close_events();
    open_events();
    q = (struct events_query){.start = NOW + 20}; /* it was not seen then */
    ask(&q);
    assert_int_equal(q.n, 0);
    q = (struct events_query){.start = 0};
    ask(&q);
    assert_false(q.found[0].is.open);
    assert_int_equal(q.found[0].is.end, NOW + 10);
}

static void old_ones_go(void **unused)
{
    (void)unused;
    events_set_retention(events, 1000, 0);
    tell("a", NOW, NOW, NULL);
    tell("b", NOW, NOW + 3600000, NULL);
    tell("c", NOW - 2000, NOW - 2000, NULL); /* past its time already */
    assert_int_equal(count(), 2);
    now.wall_ms += 3600000;
    assert_int_equal(count(), 1);
    assert_int_equal(events_stats(events).aged, 1);
}

static void the_oldest_go_when_there_are_too_many(void **unused)
{
    struct events_query q = {.start = 0};

    (void)unused;
    for (int i = 0; i < 2000; i++)
        tell("some kind of event", NOW + i, NOW + i, NULL);
    (void)count();
    assert_true(state_stats(state).bytes > 200000);
    events_set_retention(events, 0, 150000);
    now.wall_ms += 3600000;
    (void)count(); /* upkeep comes with it */
    assert_true(state_stats(state).bytes < 200000);
    assert_true(events_stats(events).crowded_out >= 500);
    ask(&q);
    assert_true(q.more);
    assert_int_equal(q.found[q.n - 1].is.start, NOW + 1999); /* the newest stay */
}

static void too_long_labels_are_dropped_and_counted_and_texts_are_cut(void **unused)
{
    SCOPED(mem_freep) char *long_text = mem_zalloc(EVENT_LABELS_BYTES_MAX + 2);
    struct label pair = {STR("x"), {long_text, EVENT_LABELS_BYTES_MAX}};
    struct event_told told = {{"a", NOW, NOW, false, labels, long_text}, NULL, 0};
    struct events_query q = {.start = 0};

    (void)unused;
    memset(long_text, 'y', EVENT_LABELS_BYTES_MAX + 1);
    events_tell(events, &told);
    assert_ok(labels_build(&arena, &pair, 1, &told.is.labels, &err), err);
    events_tell(events, &told);
    ask(&q);
    assert_int_equal(q.n, 1);
    assert_int_equal(strlen(q.found[0].is.text), EVENT_TEXT_MAX);
    assert_int_equal(events_stats(events).dropped[EVENTS_DROP_LABELS], 1);
}

/* ---- damage ---- */

static void put_file(const char *text)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/state.db", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
}

static size_t files_moved_aside(void)
{
    struct fs_entry *entries;
    size_t n, found = 0;

    assert_ok(fs->ops->list(fs, ".", &arena, &entries, &n, &err), err);
    for (size_t i = 0; i < n; i++)
        found += str_starts(str_c(entries[i].name), STR("state.db.damaged-"));
    return found;
}

static void a_file_that_is_no_database_is_moved_aside(void **unused)
{
    (void)unused;
    put_file("this is no database at all, and quite a bit longer than its head would be ......");
    tell("a", NOW, NOW, NULL);
    assert_int_equal(count(), 1);
    assert_int_equal(state_stats(state).moved_aside, 1);
    assert_false(state_stats(state).in_memory);
    assert_int_equal(files_moved_aside(), 1);
}

static void a_database_of_a_newer_version_is_moved_aside(void **unused)
{
    char path[128];
    sqlite3 *db;

    (void)unused;
    (void)snprintf(path, sizeof path, "%s/state.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=999", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    assert_int_equal(count(), 0);
    assert_int_equal(state_stats(state).moved_aside, 1);
}

static void where_no_file_can_be_events_live_in_memory(void **unused)
{
    char command[128];

    (void)unused;
    (void)snprintf(command, sizeof command, "mkdir '%s/state.db'", folder);
    assert_int_equal(system(command), 0);
    tell("a", NOW, NOW, NULL);
    assert_int_equal(count(), 1);
    assert_true(state_stats(state).in_memory);
}

static bool break_all(struct state_work *work, sqlite3 *db)
{
    (void)work;
    return sqlite3_exec(db, "DROP TABLE event", NULL, NULL, NULL) == SQLITE_OK;
}

static void broken(struct state_work *work, bool stored)
{
    (void)work, (void)stored;
    (void)sem_post(&answered);
}

static void what_cannot_be_stored_is_counted(void **unused)
{
    struct state_work breaking = {break_all, broken, NULL};

    (void)unused;
    state_submit(state, &breaking);
    (void)sem_wait(&answered);
    tell("a", NOW, NOW, NULL);
    state_submit(state, &breaking); /* behind it */
    (void)sem_wait(&answered);
    assert_int_equal(events_stats(events).dropped[EVENTS_DROP_STORE], 1);
    assert_true(state_stats(state).failures >= 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_told_is_found_by_its_time),
        TEST(kind_and_labels_choose),
        TEST(one_that_is_told_again_under_its_key_goes_on),
        TEST(a_key_that_comes_again_much_later_is_another_event),
        TEST(the_same_within_a_moment_is_told_once),
        TEST(the_next_start_finds_them_and_closes_what_was_open),
        TEST(old_ones_go),
        TEST(the_oldest_go_when_there_are_too_many),
        TEST(too_long_labels_are_dropped_and_counted_and_texts_are_cut),
        TEST(a_file_that_is_no_database_is_moved_aside),
        TEST(a_database_of_a_newer_version_is_moved_aside),
        TEST(where_no_file_can_be_events_live_in_memory),
        TEST(what_cannot_be_stored_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
