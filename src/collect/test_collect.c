#include "base/test.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/cycle.h"
#include "collect/fake_fetch.h"
#include "collect/scrape_settings.h"
#include "collect/scripted_sink.h"
#include "model/labels.h"
#include "sys/clock.h"

#define INTERVAL_MS 20

/* The manager on a real loop with real lanes; fetches and store are scripted. */
struct fixture {
    struct scripted_sink sink;
    struct arena arena;
    struct loop *loop;
    struct lanes *lanes;
    struct loop_timer *patience;
    struct collect *collect;
    const struct labels *labels;
    atomic_size_t commits_wanted;
    struct loop_message enough;
    atomic_bool stop_posted;
    bool gone;
    void (*store)(struct sink *s, struct sink_batch *batch); /* the scripted one */
    struct err err;
};

static struct fixture *now;

static void on_enough(struct loop_message *m)
{
    (void)m;
    now->stop_posted = false;
    if (now->sink.commits >= now->commits_wanted) /* else it is meant for the run before */
        loop_stop(now->loop);
}

/* On a lane: stops the loop when enough was committed. */
static void counting_commit(struct sink *s, struct sink_batch *batch)
{
    now->store(s, batch);
    if (now->sink.commits >= now->commits_wanted && !atomic_exchange(&now->stop_posted, true))
        loop_post(now->loop, &now->enough);
}

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("nothing happened for 20 s");
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct label labels[] = {{STR("job"), STR("j")}, {STR("instance"), STR("i")}};
    struct collect_context context;

    now = f;
    fake_fetch_answer = (struct fetch_result){
        .status = 200, .content_type = STR("text/plain"), .body = STR("a 1\n")};
    fake_fetch_silent = fake_fetch_refuses = false;
    fake_fetch_started = 0;
    scripted_sink_init(&f->sink);
    f->store = f->sink.sink.commit;
    f->sink.sink.commit = counting_commit;
    f->commits_wanted = 1;
    f->enough.run = on_enough;
    arena_init(&f->arena, NULL);
    assert_ok(labels_build(&f->arena, labels, 2, &f->labels, &f->err), f->err);
    assert_ok(loop_new(&f->loop, &f->err), f->err);
    f->lanes = lanes_new(f->loop);
    f->patience = loop_timer_new(f->loop, 20000, 0, give_up, f);
    context = (struct collect_context){.loop = f->loop,
                                       .lanes = f->lanes,
                                       .fetcher = (struct fetcher *)f->loop,
                                       .sink = &f->sink.sink,
                                       .clock = clock_real()};
    assert_ok(collect_new(&context, &f->collect, &f->err), f->err);
    *state = f;
    return 0;
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    collect_stop(f->collect, 10000, stop_loop, f->loop);
    loop_run(f->loop);
    loop_timer_free(f->patience);
    assert_int_equal(lanes_free(f->lanes), 0);
    loop_drain(f->loop);
    collect_free(f->collect);
    assert_int_equal(f->sink.groups_open, 0);
    assert_int_equal(fake_fetch_alive, 0);
    loop_drain(f->loop);
    loop_free(f->loop);
    scripted_sink_fini(&f->sink);
    arena_fini(&f->arena);
    mem_free(f);
    return 0;
}

static void add_http(struct fixture *f)
{
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = INTERVAL_MS,
                                       .timeout_ms = INTERVAL_MS,
                                       .honor_timestamps = true,
                                       .body_max = 1000,
                                       .url = "http://h/metrics"};

    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
}

static void run_until(struct fixture *f, size_t commits)
{
    f->commits_wanted = commits;
    loop_run(f->loop);
}

static struct target_status status(struct fixture *f)
{
    struct target_status *all;
    size_t n;

    /* The cycle that stopped the loop may not have ended. */
    for (bool done = false; !done;) {
        loop_drain(f->loop);
        assert_ok(collect_status(f->collect, &f->arena, &all, &n, &f->err), f->err);
        done = all[0].health != TARGET_UNKNOWN;
    }
    assert_int_equal(n, 1);
    return all[0];
}

static void times_have_one_phase_and_whole_intervals_between(void **state)
{
    struct fixture *f = *state;
    long long first, later;

    add_http(f);
    run_until(f, 3);
    assert_int_equal(sscanf(scripted_sink_take(&f->sink), "column %lld", &first), 1);
    run_until(f, 4);
    assert_int_equal(sscanf(scripted_sink_take(&f->sink), "column %lld", &later), 1);
    assert_true(later > first);
    assert_int_equal(status(f).health, TARGET_UP);
    assert_string_equal(status(f).last_error, "");
    assert_int_equal(status(f).last_samples, 1);
    assert_true(collect_stats(f->collect).cycles >= 3);
    assert_int_equal(collect_stats(f->collect).up, 1);
}

static void a_failed_fetch_is_up_0_with_its_words(void **state)
{
    struct fixture *f = *state;

    fake_fetch_answer.status = 404;
    add_http(f);
    run_until(f, 1);
    assert_non_null(strstr(scripted_sink_take(&f->sink), "up{instance=\"i\", job=\"j\"} 0\n"));
    assert_int_equal(status(f).health, TARGET_DOWN);
    assert_non_null(strstr(status(f).last_error, "404"));
    assert_int_equal(collect_stats(f->collect).down, 1);
}

static void a_fetch_that_cannot_start_is_up_0_too(void **state)
{
    struct fixture *f = *state;

    fake_fetch_refuses = true;
    add_http(f);
    run_until(f, 1);
    assert_string_equal(status(f).last_error, "too many fetches");
}

static void a_body_that_does_not_parse_is_up_0_with_the_line(void **state)
{
    struct fixture *f = *state;

    fake_fetch_answer.body = STR("a 1\nbroken\n");
    add_http(f);
    run_until(f, 1);
    assert_non_null(strstr(status(f).last_error, "line 2, column 7"));
    assert_null(strstr(scripted_sink_take(&f->sink), "a{"));
}

static void what_a_target_costs_is_known_by_itself_and_by_its_job(void **state)
{
    struct fixture *f = *state;
    const struct costs *costs = collect_costs(f->collect);
    struct target_status s;

    fake_fetch_answer.wire_bytes = 500;
    add_http(f);
    run_until(f, 3);
    s = status(f);
    assert_string_equal(s.kind, "scrape");
    assert_null(s.tunnel);
    assert_true(s.cost.cycles >= 2);
    assert_int_equal(s.cost.bytes % 500, 0);
    assert_true(s.cost.bytes >= 500 * s.cost.cycles);
    assert_true(s.cost.cpu_ns > 0 && s.cost.wall_ns >= 0);
    assert_true(s.cpu_ratio > 0 && s.cpu_ratio < 1);
    assert_int_equal(s.cost.samples, 1);
    assert_int_equal(costs->n, 1);
    assert_string_equal(costs->sums[0]->job, "j");
    assert_string_equal(costs->sums[0]->kind, "scrape");
    assert_int_equal(costs->sums[0]->cost.cpu_ns, s.cost.cpu_ns);
}

/* ---- bodies that a target reads for itself ---- */

static enum parsed parse_one(void *arg, int status, struct str body, struct emit *emit,
                             struct arena *scratch, struct err *err)
{
    enum parsed *parsed = arg;

    (void)scratch, (void)status;
    if (!str_eq(body, STR("a 1\n")) || emit_value(emit, "own", METRIC_GAUGE, "help", 2, err) < 0)
        return PARSED_NOT;
    (void)err_set(err, ERR_EVAL, "it says that it is ill");
    return *parsed;
}

static void add_parsed(struct fixture *f, enum parsed *parsed)
{
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = INTERVAL_MS,
                                       .timeout_ms = INTERVAL_MS,
                                       .body_max = 1000,
                                       .url = "http://h/status",
                                       .method = "POST",
                                       .body = "{}",
                                       .collector = {.parse = parse_one, .arg = parsed}};

    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
    run_until(f, 1);
}

static void a_body_may_be_read_by_the_target_itself(void **state)
{
    struct fixture *f = *state;
    enum parsed parsed = PARSED;
    const char *stored;

    fake_fetch_answer.content_type = STR("application/json");
    add_parsed(f, &parsed);
    stored = scripted_sink_take(&f->sink);
    assert_non_null(strstr(stored, "own{instance=\"i\", job=\"j\"} 2\n"));
    assert_non_null(strstr(stored, "up{instance=\"i\", job=\"j\"} 1\n"));
    assert_string_equal(status(f).last_error, "");
    assert_non_null(strstr(fake_fetch_request, "\nAccept: application/json"));
    assert_non_null(strstr(fake_fetch_request, "\nContent-Type: application/json"));
}

static void a_target_that_says_it_is_ill_is_up_0_with_its_samples(void **state)
{
    struct fixture *f = *state;
    enum parsed parsed = PARSED_UNWELL;
    const char *stored;

    add_parsed(f, &parsed);
    stored = scripted_sink_take(&f->sink);
    assert_non_null(strstr(stored, "own{instance=\"i\", job=\"j\"} 2\n"));
    assert_non_null(strstr(stored, "up{instance=\"i\", job=\"j\"} 0\n"));
    assert_string_equal(status(f).last_error, "it says that it is ill");
    assert_int_equal(collect_stats(f->collect).down, 1);
}

static void an_error_status_is_up_0_and_its_body_may_be_read(void **state)
{
    struct fixture *f = *state;
    enum parsed parsed = PARSED;
    const char *stored;

    fake_fetch_answer.status = 503;
    add_parsed(f, &parsed);
    stored = scripted_sink_take(&f->sink);
    assert_non_null(strstr(stored, "own{instance=\"i\", job=\"j\"} 2\n"));
    assert_non_null(strstr(stored, "up{instance=\"i\", job=\"j\"} 0\n"));
    assert_string_equal(status(f).last_error, "the target answered with HTTP status 503");
    fake_fetch_answer.body = STR("sorry");
    run_until(f, f->sink.commits + 2);
    assert_non_null(strstr(scripted_sink_take(&f->sink), "own{instance=\"i\", job=\"j\"} stale\n"));
    assert_string_equal(status(f).last_error, "the target answered with HTTP status 503");
}

static void new_series_past_the_targets_bound_are_refused_in_words_and_it_stays_up(void **state)
{
    struct fixture *f = *state;
    const struct scrape_job job = {.limits = {.series = 7}}; /* with its own five */
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = INTERVAL_MS,
                                       .timeout_ms = INTERVAL_MS,
                                       .body_max = 1000,
                                       .scrape_job = &job,
                                       .url = "http://h/metrics"};

    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
    run_until(f, 1);
    fake_fetch_answer.body = STR("a 2\nb 1\nc 1\nd 1\n");
    run_until(f, f->sink.commits + 3);
    assert_int_equal(status(f).health, TARGET_UP);
    assert_non_null(strstr(status(f).last_error, "2 samples of new series are refused, since 7 "));
    assert_non_null(strstr(scripted_sink_take(&f->sink), "a{instance=\"i\", job=\"j\"} 2\n"));
    assert_true(collect_stats(f->collect).limited >= 2);
}

static void a_cut_of_the_head_does_not_lose_a_cycle(void **state)
{
    struct fixture *f = *state;

    add_http(f);
    run_until(f, 1);
    (void)status(f);
    (void)scripted_sink_take(&f->sink);
    scripted_sink_cut(&f->sink);
    run_until(f, f->sink.commits + 2);
    assert_non_null(strstr(scripted_sink_take(&f->sink), "a{instance=\"i\", job=\"j\"} 1\n"));
}

/* ---- collectors of our own ---- */

struct collector_state {
    atomic_int calls;
    int freed;
    bool fails;
    atomic_bool hangs;
    sem_t go_on;
};

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
        .timeout_ms = INTERVAL_MS,
        .collector = {.name = "disks",
                      .collect = collect_one,
                      .free = free_collector,
                      .arg = s,
                      .hangs_on = may_hang ? "a disk that sleeps" : NULL},
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
    struct gatherer g = {.silent = false};
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
    struct loop_timer *timer = loop_timer_new(f->loop, 3 * INTERVAL_MS, 0, stop_loop, f->loop);

    add_gatherer(f, &g);
    loop_run(f->loop);
    loop_timer_free(timer);
    assert_int_equal(g.begun, 1);
    assert_true(collect_stats(f->collect).missed >= 1);
    tear_down(state);
    assert_int_equal(g.cancelled, 1);
    set_up(state);
}

static void a_collector_that_fails_is_up_0_with_its_words(void **state)
{
    struct collector_state s = {.fails = true};
    struct fixture *f = *state;

    add_collector(f, &s, false);
    run_until(f, 1);
    assert_string_equal(status(f).last_error, "/proc/stat: cannot be read");
}

static void a_collector_that_hangs_is_up_0_until_it_comes_back(void **state)
{
    struct collector_state s = {.hangs = true};
    struct fixture *f = *state;

    sem_init(&s.go_on, 0, 0);
    add_collector(f, &s, true);
    run_until(f, 2);
    assert_string_equal(status(f).last_error,
                        "disks has not come back yet: it waits for a disk that sleeps");
    assert_int_equal(s.calls, 1); /* and is not asked again meanwhile */
    assert_int_equal(collect_stats(f->collect).stuck, 1);
    s.hangs = false;
    sem_post(&s.go_on);
    (void)scripted_sink_take(&f->sink);
    do {
        run_until(f, f->sink.commits + 1);
    } while (!strstr(f->sink.record.p, "n{"));
    assert_true(s.calls >= 2);
    sem_destroy(&s.go_on);
}

static void however_many_collectors_hang_one_that_came_back_goes_on(void **state)
{
    static struct collector_state hang = {.hangs = true}; /* more than have threads: 256 */
    struct collector_state well = {.calls = 0};
    struct fixture *f = *state;
    int calls;

    sem_init(&hang.go_on, 0, 0);
    add_collector(f, &well, true);
    while (well.calls < 2)
        run_until(f, f->sink.commits + 1);
    for (int i = 0; i < 300; i++)
        add_labelled(f, i, &hang);
    while (lanes_stats(f->lanes, LANE_LATE).stuck < 256)
        run_until(f, f->sink.commits + 20);
    calls = well.calls;
    while (well.calls < calls + 5)
        run_until(f, f->sink.commits + 1);
    assert_int_equal(hang.calls, 256);
    hang.hangs = false;
    for (int i = 0; i < 300; i++)
        sem_post(&hang.go_on);
}

static void on_gone(void *arg)
{
    struct fixture *f = arg;

    f->gone = true;
    loop_stop(f->loop);
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
    assert_true(comes_true(f, &b->collector.calls, 4));
    assert_true(b->called_back >= 3);
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
    collect_remove(f->collect, cycle, 0, on_gone, f);
    while (!f->gone)
        loop_run(f->loop);
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

static void targets_with_the_same_labels_are_told_apart_by_their_url(void **state)
{
    struct fixture *f = *state;
    struct target_settings settings = {
        .job = "j", .labels = f->labels, .interval_ms = 10, .timeout_ms = 10};
    struct cycle *first, *second;
    struct target_status *all;
    size_t n;

    settings.url = "http://h/a";
    assert_ok(collect_add_removable(f->collect, &settings, &first, &f->err), f->err);
    settings.url = "http://h/b";
    assert_ok(collect_add_removable(f->collect, &settings, &second, &f->err), f->err);
    assert_fails(collect_add(f->collect, &settings, &f->err), f->err, ERR_TYPE,
                 "two targets have the same labels and URL");
    run_until(f, 6);
    assert_int_equal(f->sink.groups_open, 2);
    assert_ok(collect_status(f->collect, &f->arena, &all, &n, &f->err), f->err);
    assert_int_equal(n, 2);
    /* Each goes by itself, and its place is free again. */
    f->gone = false;
    f->commits_wanted = SIZE_MAX;
    collect_remove(f->collect, first, 0, on_gone, f);
    while (!f->gone)
        loop_run(f->loop);
    settings.url = "http://h/a";
    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
    assert_int_equal(collect_stats(f->collect).targets, 2);
}

static void two_collectors_with_the_same_labels_are_refused(void **state)
{
    struct fixture *f = *state;
    struct collector_state s = {.calls = 0};
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = 1,
                                       .timeout_ms = 1,
                                       .collector = {.name = "disks", .collect = collect_one}};

    add_collector(f, &s, false);
    assert_fails(collect_add(f->collect, &settings, &f->err), f->err, ERR_TYPE,
                 "two targets have the same labels;");
}

static struct cycle *add_removable(struct fixture *f, const char *url)
{
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = INTERVAL_MS,
                                       .timeout_ms = INTERVAL_MS,
                                       .body_max = 1u << 20,
                                       .url = url};
    struct cycle *cycle = NULL;

    assert_ok(collect_add_removable(f->collect, &settings, &cycle, &f->err), f->err);
    return cycle;
}

/* Removes, and runs until it is gone; what was committed meanwhile. */
static const char *remove_it(struct fixture *f, struct cycle *cycle, int64_t wait_ms)
{
    (void)scripted_sink_take(&f->sink);
    f->gone = false;
    f->commits_wanted = SIZE_MAX;
    collect_remove(f->collect, cycle, wait_ms, on_gone, f);
    while (!f->gone)
        loop_run(f->loop);
    return scripted_sink_take(&f->sink);
}

static void a_removed_target_leaves_all_its_series_stale(void **state)
{
    struct fixture *f = *state;
    struct cycle *cycle = add_removable(f, "http://h/metrics");
    const char *record;

    run_until(f, 1);
    assert_int_equal(collect_stats(f->collect).targets, 1);
    record = remove_it(f, cycle, 0);
    assert_non_null(strstr(record, "a{instance=\"i\", job=\"j\"} stale\n"));
    assert_non_null(strstr(record, "up{instance=\"i\", job=\"j\"} stale\n"));
    assert_null(strstr(record, "} 1\n"));
    assert_int_equal(collect_stats(f->collect).targets, 0);
    assert_int_equal(collect_stats(f->collect).up, 0);
    assert_int_equal(f->sink.groups_open, 0);
}

static void a_target_removed_before_its_first_cycle_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(remove_it(f, add_removable(f, "http://h/metrics"), 0), "");
}

static void a_cut_of_the_head_does_not_lose_the_marks_of_a_removed_target(void **state)
{
    struct fixture *f = *state;
    struct cycle *cycle = add_removable(f, "http://h/metrics");

    run_until(f, 1);
    f->sink.verdicts[0] = SINK_STALE;
    f->sink.verdicts_n = 1;
    scripted_sink_cut(&f->sink);
    (void)remove_it(f, cycle, 0);
    assert_int_equal(f->sink.groups_open, 0);
}

static void a_new_target_with_the_same_labels_goes_on_without_a_mark(void **state)
{
    struct fixture *f = *state;
    struct cycle *cycle = add_removable(f, "http://h/metrics");

    run_until(f, 1);
    (void)scripted_sink_take(&f->sink);
    f->gone = false;
    collect_remove(f->collect, cycle, 60000, on_gone, f);
    assert_false(f->gone);
    (void)add_removable(f, "http://other/metrics");
    while (!f->gone)
        loop_run(f->loop);
    run_until(f, 2);
    assert_null(strstr(scripted_sink_take(&f->sink), "stale"));
    assert_int_equal(collect_stats(f->collect).targets, 1);
}

static void a_refused_target_is_up_0_with_the_words(void **state)
{
    struct fixture *f = *state;
    struct cycle *cycle = add_removable(f, "http://h/metrics");

    collect_refuse(cycle, "too many of them");
    run_until(f, 1);
    assert_string_equal(status(f).last_error, "too many of them");
    assert_int_equal(fake_fetch_started, 0);
    collect_refuse(cycle, NULL);
    run_until(f, 3); /* at the third commit the second cycle has ended */
    assert_string_equal(status(f).last_error, "");
}

static void stopping_cancels_what_is_being_fetched(void **state)
{
    struct fixture *f = *state;

    fake_fetch_silent = true;
    add_http(f);
    while (!fake_fetch_started) {
        struct loop_timer *t = loop_timer_new(f->loop, 5, 0, stop_loop, f->loop);

        loop_run(f->loop);
        loop_timer_free(t);
    }
    assert_int_equal(fake_fetch_alive, 1);
} /* tear_down stops it */

static void the_moment_of_a_target_is_fixed_by_its_hash(void **state)
{
    (void)state;
    for (uint64_t hash = 0; hash < 40; hash++) {
        for (ts_ms from = 1000; from < 1050; from++) {
            ts_ms due = cycle_due(from, 15, hash);

            assert_true(due > from && due <= from + 15);
            assert_int_equal(due % 15, hash % 15);
        }
    }
    assert_int_equal(cycle_due(-7, 15, 0), 0);
}

static void a_start_within_two_milliseconds_counts_as_planned(void **state)
{
    (void)state;
    assert_int_equal(cycle_ts(1000, 1002), 1000);
    assert_int_equal(cycle_ts(1000, 998), 1000);
    assert_int_equal(cycle_ts(1000, 1003), 1003);
    assert_int_equal(cycle_ts(1000, 500), 500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(times_have_one_phase_and_whole_intervals_between),
        TEST(a_failed_fetch_is_up_0_with_its_words),
        TEST(a_fetch_that_cannot_start_is_up_0_too),
        TEST(a_body_that_does_not_parse_is_up_0_with_the_line),
        TEST(what_a_target_costs_is_known_by_itself_and_by_its_job),
        TEST(a_body_may_be_read_by_the_target_itself),
        TEST(a_target_that_says_it_is_ill_is_up_0_with_its_samples),
        TEST(an_error_status_is_up_0_and_its_body_may_be_read),
        TEST(new_series_past_the_targets_bound_are_refused_in_words_and_it_stays_up),
        TEST(a_cut_of_the_head_does_not_lose_a_cycle),
        TEST(a_collector_is_stored_like_any_target),
        TEST(what_is_gathered_on_the_loop_is_up_1_with_words_about_what_it_watches),
        TEST(stopping_cancels_what_is_being_gathered),
        TEST(a_collector_that_fails_is_up_0_with_its_words),
        TEST(a_collector_that_hangs_is_up_0_until_it_comes_back),
        TEST(however_many_collectors_hang_one_that_came_back_goes_on),
        TEST(what_is_left_behind_is_gone_on_with_before_the_next_cycle),
        TEST(a_cycle_that_is_due_calls_back_what_goes_on),
        TEST(a_target_that_goes_calls_back_what_goes_on),
        TEST(stopping_calls_back_what_goes_on),
        TEST(targets_with_the_same_labels_are_told_apart_by_their_url),
        TEST(two_collectors_with_the_same_labels_are_refused),
        TEST(a_removed_target_leaves_all_its_series_stale),
        TEST(a_target_removed_before_its_first_cycle_leaves_nothing),
        TEST(a_cut_of_the_head_does_not_lose_the_marks_of_a_removed_target),
        TEST(a_new_target_with_the_same_labels_goes_on_without_a_mark),
        TEST(a_refused_target_is_up_0_with_the_words),
        TEST(stopping_cancels_what_is_being_fetched),
        cmocka_unit_test(the_moment_of_a_target_is_fixed_by_its_hash),
        cmocka_unit_test(a_start_within_two_milliseconds_counts_as_planned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
