/* Collectors of our own: read on a lane, gathered on the loop, or behind with their work. */
#include "collect/collect_fixture.h"

#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#include "base/test.h"
#include "collect/cycle.h"
#include "collect/fake_fetch.h"
#include "collect/via.h"
#include "model/emit.h"
#include "model/labels.h"

struct collector_state {
    atomic_int calls;
    int freed;
    bool fails;
    int64_t timeout_ms; /* 0: its interval */
    atomic_bool hangs;
    sem_t go_on;
};

/* For one test: what it adds is asked until the end of it, when its own frame is gone. */
static struct collector_state *collector(bool fails, bool hangs)
{
    static struct collector_state s;

    memset(&s, 0, sizeof s);
    (void)sem_init(&s.go_on, 0, 0);
    s.fails = fails;
    s.hangs = hangs;
    return &s;
}

static int collect_one(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct collector_state *s = arg;

    s->calls++;
    if (!arena_alloc(scratch, 100, err))
        return -1;
    if (s->hangs)
        (void)sem_wait(&s->go_on);
    if (s->fails)
        return err_set(err, ERR_OS, "/proc/stat: cannot be read");
    return emit_value(emit, "n", METRIC_GAUGE, "One.", 7, err);
}

static void free_collector(void *arg)
{
    struct collector_state *s = arg;

    s->freed++;
}

static void add_collector(struct fixture *f, struct collector_state *s, bool may_hang)
{
    struct target_settings settings = {
        .job = "host",
        .labels = f->labels,
        .interval_ms = INTERVAL_MS,
        .timeout_ms = s->timeout_ms ? s->timeout_ms : INTERVAL_MS,
        .collector = {.name = "disks",
                      .collect = collect_one,
                      .free = free_collector,
                      .arg = s,
                      .hangs_on = may_hang ? "a disk that sleeps" : NULL},
    };

    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
}

/* One that has an exporter's gauge, behind a way. */
static void add_one(struct fixture *f, struct collector_state *s, struct via *via)
{
    struct target_settings settings = {
        .job = "host",
        .labels = f->labels,
        .interval_ms = INTERVAL_MS,
        .timeout_ms = INTERVAL_MS,
        .via = via,
        .collector = {.name = "disks",
                      .collect = collect_one,
                      .arg = s,
                      .up = "disks_up",
                      .hangs_on = "a disk that sleeps"},
    };

    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
}

/* One of many, seldom asked. */
static void add_labelled(struct fixture *f, int number, struct collector_state *s)
{
    char instance[20];
    struct label labels[] = {{STR("job"), STR("j")}, {STR("instance"), STR("")}};
    struct target_settings settings = {
        .job = "j",
        .interval_ms = 50 * INTERVAL_MS,
        .timeout_ms = INTERVAL_MS,
        .collector = {
            .name = "disks", .collect = collect_one, .arg = s, .hangs_on = "a disk that sleeps"}};

    (void)snprintf(instance, sizeof instance, "i%d", number);
    labels[1].value = str_c(instance);
    assert_ok(labels_build(&f->arena, labels, 2, &settings.labels, &f->err), f->err);
    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
}

static void a_collector_is_stored_like_any_target(void **state)
{
    for (int may_hang = 0; may_hang < 2; may_hang++) {
        struct collector_state s = {.calls = 0};
        struct fixture *f = *state;

        add_collector(f, &s, may_hang);
        do /* on a busy machine one that may hang can be late at first */
            run_until(f, f->sink.commits + 1);
        while (status(f).health != TARGET_UP);
        assert_non_null(strstr(scripted_sink_take(&f->sink), "# n gauge One.\ncolumn "));
        tear_down(state);
        assert_int_equal(s.freed, 1);
        set_up(state);
    }
}

/* Gathers by a message to the loop, or never comes to an end of it. */
struct gatherer {
    struct loop_message message;
    struct fixture *fixture;
    const struct gather *gather;
    bool silent;
    unsigned begun, cancelled, settled;
};

static void on_gathered(struct loop_message *m)
{
    const struct gatherer *g = CONTAINER_OF(m, struct gatherer, message);

    g->gather->done(g->gather->done_arg);
}

static void begin_gathering(void *arg, const struct gather *gather)
{
    struct gatherer *g = arg;

    g->begun++;
    g->gather = gather;
    g->message.run = on_gathered;
    if (!g->silent)
        loop_post(g->fixture->loop, &g->message);
}

static void cancel_gathering(void *arg)
{
    ((struct gatherer *)arg)->cancelled++;
}

static int collect_gathered(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    (void)scratch;
    return emit_value(emit, "n", METRIC_GAUGE, "One.", ((struct gatherer *)arg)->begun, err);
}

static const char *settle_gathered(void *arg)
{
    ((struct gatherer *)arg)->settled++;
    return "the door is shut";
}

static void add_gatherer(struct fixture *f, struct gatherer *g)
{
    struct target_settings settings = {
        .job = "probe",
        .labels = f->labels,
        .interval_ms = INTERVAL_MS,
        .timeout_ms = INTERVAL_MS,
        .url = "http://door/", /* is for the page: it is not fetched here */
        .collector = {.name = "door",
                      .collect = collect_gathered,
                      .begin = begin_gathering,
                      .cancel = cancel_gathering,
                      .settle = settle_gathered,
                      .arg = g},
    };

    g->fixture = f;
    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
}

static void what_is_gathered_on_the_loop_is_up_1_with_words_about_what_it_watches(void **state)
{
    static struct gatherer g; /* it is asked until the end of the test */
    struct fixture *f = *state;

    add_gatherer(f, &g);
    run_until(f, 2);
    assert_int_equal(status(f).health, TARGET_UP);
    assert_string_equal(status(f).last_error, "the door is shut");
    assert_non_null(strstr(scripted_sink_take(&f->sink), "# n gauge One.\ncolumn "));
    assert_int_equal(fake_fetch_started, 0);
    assert_true(g.settled >= 1 && g.settled <= g.begun);
}

static void stopping_cancels_what_is_being_gathered(void **state)
{
    struct gatherer g = {.silent = true};
    struct fixture *f = *state;

    add_gatherer(f, &g);
    while (!collect_stats(f->collect).missed) {
        loop_drain(f->loop);
        (void)usleep(1000);
    }
    assert_int_equal(g.begun, 1);
    tear_down(state);
    assert_int_equal(g.cancelled, 1);
    set_up(state);
}

static void a_collector_that_fails_is_up_0_with_its_words(void **state)
{
    struct fixture *f = *state;

    add_collector(f, collector(true, false), false);
    run_until(f, 1);
    assert_string_equal(status(f).last_error, "/proc/stat: cannot be read");
}

/* A way to the target, at fault or not. */
struct way {
    struct via via;
    bool at_fault;
};

static int is_open(struct via *v, struct err *err)
{
    (void)v;
    (void)err;
    return 0;
}

static bool is_at_fault(struct via *v, struct err *err)
{
    const struct way *w = CONTAINER_OF(v, struct way, via);

    return w->at_fault && err_set(err, ERR_OS, "the tunnel is down") < 0;
}

static void end_way(struct via *v)
{
    (void)v;
}

static void the_gauge_of_an_exporter_is_0_where_the_service_is_known_to_be_down(void **state)
{
    static const char *const words[] = {"/proc/stat: cannot be read", "the tunnel is down"};

    for (int i = 0; i < 2; i++) {
        struct way way = {{1, "box", "/nowhere", is_open, is_at_fault, end_way}, i == 1};
        struct collector_state s = {.fails = true};
        struct fixture *f = *state;
        const char *told;

        add_one(f, &s, &way.via);
        do
            run_until(f, f->sink.commits + 1);
        while (strcmp(status(f).last_error, words[i]) != 0);
        told = scripted_sink_take(&f->sink);
        assert_int_equal(status(f).health, TARGET_DOWN);
        assert_int_equal(strstr(told, "disks_up") != NULL, i == 0);
        s.fails = false;
        do
            run_until(f, f->sink.commits + 1);
        while (status(f).health != TARGET_UP);
        assert_non_null(strstr(scripted_sink_take(&f->sink), "disks_up{"));
        tear_down(state);
        set_up(state);
    }
}

static void a_collector_that_hangs_is_up_0_until_it_comes_back(void **state)
{
    struct collector_state *s = collector(false, true);
    struct fixture *f = *state;

    add_collector(f, s, true);
    do /* on a busy machine it goes late */
        run_until(f, f->sink.commits + 1);
    while (strcmp(status(f).last_error,
                  "disks has not come back yet: it waits for a disk that sleeps") != 0);
    assert_int_equal(s->calls, 1); /* and is not asked again meanwhile */
    assert_int_equal(collect_stats(f->collect).stuck, 1);
    s->hangs = false;
    sem_post(&s->go_on);
    (void)scripted_sink_take(&f->sink);
    do {
        run_until(f, f->sink.commits + 1);
    } while (!strstr(f->sink.record.p, "n{"));
    assert_true(s->calls >= 2);
}

static void however_many_collectors_hang_one_that_came_back_goes_on(void **state)
{
    static struct collector_state hang = {.hangs = true}; /* more than have threads: 256 */
    struct collector_state *well = collector(false, false);
    struct fixture *f = *state;
    int calls;

    sem_init(&hang.go_on, 0, 0);
    well->timeout_ms = 10000; /* or on a busy machine it is late itself, once */
    add_collector(f, well, true);
    while (well->calls < 2)
        run_until(f, f->sink.commits + 1);
    for (int i = 0; i < 300; i++)
        add_labelled(f, i, &hang);
    while (lanes_stats(f->lanes, LANE_LATE).stuck < 256)
        run_until(f, f->sink.commits + 20);
    calls = well->calls;
    while (well->calls < calls + 5)
        run_until(f, f->sink.commits + 1);
    assert_int_equal(hang.calls, 256);
    hang.hangs = false;
    for (int i = 0; i < 300; i++)
        sem_post(&hang.go_on);
}

static void two_collectors_with_the_same_labels_are_refused(void **state)
{
    struct fixture *f = *state;
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = 1,
                                       .timeout_ms = 1,
                                       .collector = {.name = "disks", .collect = collect_one}};

    add_collector(f, collector(false, false), false);
    assert_fails(collect_add(f->collect, &settings, &f->err), f->err, ERR_TYPE,
                 "two targets have the same labels;");
}

/* ---- collectors that are behind ---- */

struct behind {
    struct collector_state collector; /* first: collect_one knows no other */
    atomic_int left, done;            /* pieces of work */
    atomic_int out;
    atomic_bool collecting, met; /* both ran at once */
    bool until_called_back;
    atomic_int called_back;
};

/* For one test: what it adds may run until the end of it. */
static struct behind *behind(int left, bool until_called_back)
{
    static struct behind b;

    memset(&b, 0, sizeof b);
    b.left = left;
    b.until_called_back = until_called_back;
    return &b;
}

static int collect_behind(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct behind *b = arg;
    int rc;

    b->collecting = true;
    b->met = b->met || b->out;
    rc = collect_one(&b->collector, emit, scratch, err);
    b->collecting = false;
    return rc;
}

static void catch_up(void *arg, const atomic_bool *stop)
{
    struct behind *b = arg;

    b->out++;
    b->met = b->met || b->collecting;
    while (b->until_called_back && !*stop)
        (void)usleep(100);
    b->called_back += *stop;
    b->left--;
    b->done++;
    b->out--;
}

static bool is_behind(void *arg)
{
    struct behind *b = arg;

    return b->left > 0;
}

static struct cycle *add_behind(struct fixture *f, struct behind *b, int64_t interval_ms)
{
    struct target_settings settings = {.job = "logs",
                                       .labels = f->labels,
                                       .interval_ms = interval_ms,
                                       .timeout_ms = interval_ms,
                                       .collector = {.name = "a",
                                                     .collect = collect_behind,
                                                     .catch_up = catch_up,
                                                     .is_behind = is_behind,
                                                     .arg = b,
                                                     .hangs_on = "a file"}};
    struct cycle *cycle;

    assert_ok(collect_add_removable(f->collect, &settings, &cycle, &f->err), f->err);
    return cycle;
}

/* Returns when it is, or after a while. */
static bool comes_true(struct fixture *f, const atomic_int *count, int least)
{
    for (int i = 0; i < 20000 && *count < least; i++) {
        loop_drain(f->loop);
        (void)usleep(1000);
    }
    return *count >= least;
}

static void what_is_left_behind_is_gone_on_with_before_the_next_cycle(void **state)
{
    struct fixture *f = *state;
    struct behind *b = behind(30, false);
    struct cycle *cycle = add_behind(f, b, 60000);

    loop_timer_restart(cycle->timer, 1, 0);
    run_until(f, 1);
    assert_true(comes_true(f, &b->done, 30));
    assert_int_equal(f->sink.commits, 1); /* its samples are still those of its interval */
    loop_timer_restart(cycle->timer, 1, 0);
    run_until(f, 2);
    loop_drain(f->loop);
    assert_int_equal(b->done, 30); /* nothing is left */
    assert_false(b->met);
}

static void a_cycle_that_is_due_calls_back_what_goes_on(void **state)
{
    struct fixture *f = *state;
    struct behind *b = behind(100, true);

    add_behind(f, b, INTERVAL_MS);
    assert_true(comes_true(f, &b->called_back, 3)); /* one that had not gone yet is none of these */
    assert_true(comes_true(f, &b->collector.calls, 4));
    assert_false(b->met);
    b->left = 0;
}

static void a_target_that_goes_calls_back_what_goes_on(void **state)
{
    struct fixture *f = *state;
    struct behind *b = behind(1, true);
    struct cycle *cycle = add_behind(f, b, 60000);

    loop_timer_restart(cycle->timer, 1, 0);
    run_until(f, 1);
    assert_true(comes_true(f, &b->out, 1));
    (void)remove_it(f, cycle, 0);
    assert_int_equal(b->called_back, 1);
}

static void stopping_calls_back_what_goes_on(void **state)
{
    struct fixture *f = *state;
    struct behind *b = behind(1, true);
    struct cycle *cycle = add_behind(f, b, 60000);

    loop_timer_restart(cycle->timer, 1, 0);
    run_until(f, 1);
    assert_true(comes_true(f, &b->out, 1));
    collect_stop(f->collect, 10000, stop_loop, f->loop);
    loop_run(f->loop);
    assert_int_equal(lanes_free(f->lanes), 0);
    assert_int_equal(b->called_back, 1);
    loop_drain(f->loop);
    f->lanes = lanes_new(f->loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_collector_is_stored_like_any_target),
        TEST(what_is_gathered_on_the_loop_is_up_1_with_words_about_what_it_watches),
        TEST(stopping_cancels_what_is_being_gathered),
        TEST(a_collector_that_fails_is_up_0_with_its_words),
        TEST(the_gauge_of_an_exporter_is_0_where_the_service_is_known_to_be_down),
        TEST(a_collector_that_hangs_is_up_0_until_it_comes_back),
        TEST(however_many_collectors_hang_one_that_came_back_goes_on),
        TEST(two_collectors_with_the_same_labels_are_refused),
        TEST(what_is_left_behind_is_gone_on_with_before_the_next_cycle),
        TEST(a_cycle_that_is_due_calls_back_what_goes_on),
        TEST(a_target_that_goes_calls_back_what_goes_on),
        TEST(stopping_calls_back_what_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
