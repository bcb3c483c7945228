#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/push/build_request.h"
#include "collect/push/remote_write.h"
#include "collect/scripted_sink.h"
#include "http/server.h"
#include "model/labels.h"
#include "sys/lanes.h"
#include "sys/loop.h"

/* One request at a time, through the real loop and lanes into a scripted store. The http_ calls
 * below stand in for the server. */
struct fixture {
    struct scripted_sink sink;
    struct loop *loop;
    struct lanes *lanes;
    struct remote_write *rw;
    struct buf message, body;
    struct http_header headers[3];
    struct http_request http;
    struct arena arena;
    unsigned held;
    int status;
    char text[1000], retry_after[16];
};

static struct fixture *now; /* the fake server's */

struct str http_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->headers_n; i++)
        if (str_eq(r->headers[i].name, str_c(name)))
            return r->headers[i].value;
    return (struct str){NULL, 0};
}

void http_hold(struct http_request *r)
{
    (void)r;
    now->held++;
}

void http_release(struct http_request *r)
{
    (void)r;
    now->held--;
    loop_stop(now->loop);
}

void http_reply(struct http_request *r, int status, const char *content_type, struct str body)
{
    (void)r, (void)content_type;
    assert_int_equal(now->status, 0);
    assert_int_equal(body.n, 0);
    now->status = status;
}

void http_reply_error(struct http_request *r, int status, const char *text)
{
    (void)r;
    assert_int_equal(now->status, 0);
    now->status = status;
    assert_true(strlen(text) < sizeof now->text);
    (void)snprintf(now->text, sizeof now->text, "%s", text);
}

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
    (void)r;
    assert_string_equal(name, "Retry-After");
    (void)snprintf(now->retry_after, sizeof now->retry_after, "%s", value);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err;

    now = f;
    scripted_sink_init(&f->sink);
    assert_ok(loop_new(&f->loop, &err), err);
    f->lanes = lanes_new(f->loop);
    f->rw = remote_write_new(
        &(struct remote_write_context){.loop = f->loop, .lanes = f->lanes, .sink = &f->sink.sink});
    arena_init(&f->arena, NULL);
    f->headers[0] = (struct http_header){STR("content-type"), STR("application/x-protobuf")};
    f->headers[1] = (struct http_header){STR("content-encoding"), STR("snappy")};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->held, 0);
    assert_int_equal(lanes_free(f->lanes), 0);
    loop_drain(f->loop);
    remote_write_free(f->rw);
    loop_free(f->loop);
    scripted_sink_fini(&f->sink);
    arena_fini(&f->arena);
    buf_fini(&f->message);
    buf_fini(&f->body);
    mem_free(f);
    return 0;
}

static void send_bytes(struct fixture *f, struct str body)
{
    f->http = (struct http_request){
        .body = body, .headers = f->headers, .headers_n = 2, .arena = &f->arena};
    f->status = 0;
    f->text[0] = f->retry_after[0] = '\0';
    remote_write_handle(&f->http, f->rw);
    if (!f->status || f->held)
        loop_run(f->loop);
}

/* Sends what was built and starts a new message. */
static int send_message(struct fixture *f)
{
    build_snappy(buf_str(&f->message), &f->body);
    buf_reset(&f->message);
    send_bytes(f, buf_str(&f->body));
    return f->status;
}

static void assert_says(const struct fixture *f, const char *words)
{
    if (!strstr(f->text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, f->text);
}

static void samples_are_stored_and_then_acknowledged(void **state)
{
    struct fixture *f = *state;

    build_series(&f->message, "a", "1", 1.5, 1000);
    build_series(&f->message, "b", "1", 2, 1001);
    assert_int_equal(send_message(f), 204);
    assert_string_equal(scripted_sink_take(&f->sink), "a{i=\"1\"} 1.5 @1000\nb{i=\"1\"} 2 @1001\n");
    assert_int_equal(remote_write_stats(f->rw).samples, 2);
    assert_int_equal(remote_write_stats(f->rw).requests, 1);
}

static void series_seen_before_are_not_resolved_again(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        build_series(&f->message, "a", "1", i, 1000 + i);
        build_series(&f->message, "b", "1", i, 1000 + i);
        assert_int_equal(send_message(f), 204);
    }
    build_series(&f->message, "a", "1", 9, 2000);
    build_series(&f->message, "c", "1", 9, 2000);
    assert_int_equal(send_message(f), 204);
    assert_int_equal(f->sink.resolves, 2);
    assert_int_equal(f->sink.resolved, 3);
    assert_int_equal(remote_write_stats(f->rw).cached_series, 3);
}

static void after_a_cut_all_is_resolved_again_and_nothing_lost(void **state)
{
    struct fixture *f = *state;

    build_series(&f->message, "a", "1", 1, 1000);
    assert_int_equal(send_message(f), 204);
    scripted_sink_take(&f->sink);
    scripted_sink_cut(&f->sink);
    build_series(&f->message, "a", "1", 2, 2000); /* known: only the commit tells */
    assert_int_equal(send_message(f), 204);
    assert_string_equal(scripted_sink_take(&f->sink), "a{i=\"1\"} 2 @2000\n");
    scripted_sink_cut(&f->sink);
    build_series(&f->message, "a", "1", 3, 3000); /* known, and a new one: resolving tells */
    build_series(&f->message, "b", "1", 3, 3000);
    assert_int_equal(send_message(f), 204);
    assert_string_equal(scripted_sink_take(&f->sink), "a{i=\"1\"} 3 @3000\nb{i=\"1\"} 3 @3000\n");
}

static void a_store_that_stays_stale_is_unavailable(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(f->sink.verdicts); i++)
        f->sink.verdicts[f->sink.verdicts_n++] = SINK_STALE;
    build_series(&f->message, "a", "1", 1, 1000);
    assert_int_equal(send_message(f), 503);
    assert_string_equal(f->retry_after, "1");
}

static void rows_of_a_series_are_put_in_order(void **state)
{
    struct fixture *f = *state;
    struct buf series = {0};

    build_series(&f->message, "a", "1", 5, 5000);
    build_series(&f->message, "b", "1", 1, 1000);
    build_series(&f->message, "a", "1", 3, 3000); /* the series again, earlier */
    build_label(&series, "__name__", STR("c"));
    build_sample(&series, 2, 2000);
    build_sample(&series, 1, 1000);
    build_field(&f->message, 1, buf_str(&series));
    buf_fini(&series);
    assert_int_equal(send_message(f), 204);
    assert_string_equal(scripted_sink_take(&f->sink), "b{i=\"1\"} 1 @1000\nc 1 @1000\nc 2 @2000\n"
                                                      "a{i=\"1\"} 3 @3000\na{i=\"1\"} 5 @5000\n");
}

/* Shards of Prometheus mix targets and times; what is of one time stays together. */
static void rows_whose_times_ascend_by_series_stay_as_they_came(void **state)
{
    struct fixture *f = *state;

    build_series(&f->message, "a", "1", 1, 2000);
    build_series(&f->message, "b", "1", 2, 2000);
    build_series(&f->message, "c", "1", 3, 1000);
    build_series(&f->message, "b", "1", 4, 3000);
    build_series(&f->message, "a", "1", 5, 3000);
    build_series(&f->message, "c", "1", 6, 1000); /* again: the store says which stays */
    assert_int_equal(send_message(f), 204);
    assert_string_equal(scripted_sink_take(&f->sink),
                        "a{i=\"1\"} 1 @2000\nb{i=\"1\"} 2 @2000\nc{i=\"1\"} 3 @1000\n"
                        "b{i=\"1\"} 4 @3000\na{i=\"1\"} 5 @3000\nc{i=\"1\"} 6 @1000\n");
}

static void refused_samples_are_named_and_the_good_ones_stay(void **state)
{
    struct fixture *f = *state;

    f->sink.conflict_at = 2;
    f->sink.late_at = 3;
    f->sink.future_at = 4;
    build_series(&f->message, "a", "1", 1, 1);
    build_series(&f->message, "b", "1", 1, 2);
    build_series(&f->message, "c", "1", 1, 3);
    build_series(&f->message, "d", "1", 1, 4);
    assert_int_equal(send_message(f), 400);
    assert_says(f, "3 of 4 samples were not stored: 1 with another value");
    assert_says(f, "1 older than the late window");
    assert_says(f, "1 more than 10 minutes in the future");
    assert_says(f, "first: b{i=\"1\"} at 2 ms");
    assert_string_equal(scripted_sink_take(&f->sink), "a{i=\"1\"} 1 @1\n");
    assert_int_equal(remote_write_stats(f->rw).samples_refused, 3);
    assert_int_equal(remote_write_stats(f->rw).bad_requests, 1);
}

static void bad_labels_cost_only_their_own_series(void **state)
{
    struct fixture *f = *state;

    build_series(&f->message, "a\xff", "1", 1, 1);
    build_series(&f->message, "b", "1", 1, 2);
    assert_int_equal(send_message(f), 400);
    assert_says(f, "1 with bad labels (label \"__name__\" is not valid UTF-8)");
    assert_string_equal(scripted_sink_take(&f->sink), "b{i=\"1\"} 1 @2\n");
}

static void a_full_head_refuses_new_series_and_says_so(void **state)
{
    struct fixture *f = *state;

    f->sink.series_max = 1;
    build_series(&f->message, "a", "1", 1, 1);
    build_series(&f->message, "b", "1", 1, 1);
    assert_int_equal(send_message(f), 400);
    assert_says(f, "1 of series over the limit");
    assert_string_equal(scripted_sink_take(&f->sink), "a{i=\"1\"} 1 @1\n");
    f->sink.series_max = 2; /* and tries again next time */
    build_series(&f->message, "b", "1", 1, 2);
    assert_int_equal(send_message(f), 204);
}

static void native_histograms_are_left_out_with_a_word(void **state)
{
    struct fixture *f = *state;
    struct buf series = {0};

    build_label(&series, "__name__", STR("h"));
    build_field(&series, 4, STR(""));
    build_field(&f->message, 1, buf_str(&series));
    buf_fini(&series);
    build_series(&f->message, "a", "1", 1, 1);
    assert_int_equal(send_message(f), 400);
    assert_says(f, "1 of 2 samples were not stored: 1 native histograms");
    assert_string_equal(scripted_sink_take(&f->sink), "a{i=\"1\"} 1 @1\n");
    assert_int_equal(remote_write_stats(f->rw).histograms_dropped, 1);
}

static void exemplars_are_handed_on_and_those_of_refused_series_counted(void **state)
{
    struct fixture *f = *state;
    struct buf series = {0};

    f->sink.series_max = 2;
    for (int i = 0; i < 4; i++) {
        buf_reset(&series);
        if (i == 2)
            build_label(&series, "x", STR("no name"));
        else
            build_label(&series, "__name__", (struct str){&"ab-c"[i], 1});
        build_exemplar(&series, "t", STR("x"), i, 1000 + i);
        if (i == 1)
            build_sample(&series, 5, 5);
        build_field(&f->message, 1, buf_str(&series));
    }
    buf_fini(&series);
    assert_int_equal(send_message(f), 204);
    assert_string_equal(scripted_sink_take(&f->sink),
                        "b 5 @5\na ~ {t=\"x\"} 0 @1000\nb ~ {t=\"x\"} 1 @1001\n");
    assert_int_equal(remote_write_stats(f->rw).exemplars, 2);
    assert_int_equal(remote_write_stats(f->rw).exemplars_refused, 2);
}

static void exemplars_alone_are_committed_and_resolved_again_after_a_cut(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        struct buf series = {0};

        build_label(&series, "__name__", STR("a"));
        build_exemplar(&series, "t", STR("x"), 1, 1000);
        build_field(&f->message, 1, buf_str(&series));
        buf_fini(&series);
        assert_int_equal(send_message(f), 204);
        assert_string_equal(scripted_sink_take(&f->sink), "a ~ {t=\"x\"} 1 @1000\n");
        scripted_sink_cut(&f->sink);
    }
}

static void a_full_disk_is_503_and_worth_another_try(void **state)
{
    struct fixture *f = *state;

    f->sink.verdicts[f->sink.verdicts_n++] = SINK_REFUSED;
    f->sink.reason = SINK_DISK_FULL;
    build_series(&f->message, "a", "1", 1, 1);
    assert_int_equal(send_message(f), 503);
    assert_says(f, "the disk is full; nothing of this request was stored");
    assert_string_equal(f->retry_after, "30");
    assert_int_equal(remote_write_stats(f->rw).unavailable, 1);
}

static void metadata_is_committed_once(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        struct buf m = {0};

        put_u8(&m, 1 << 3);
        put_uvarint(&m, 2);
        build_field(&m, 2, STR("a"));
        build_field(&m, 4, STR("Help."));
        build_field(&f->message, 3, buf_str(&m));
        buf_fini(&m);
        assert_int_equal(send_message(f), 204);
    }
    assert_string_equal(scripted_sink_take(&f->sink), "# a gauge Help.\n");
    assert_int_equal(f->sink.commits, 1);
}

static void an_empty_request_is_fine(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(send_message(f), 204);
    assert_int_equal(f->sink.commits, 0);
}

static void what_is_no_request_is_refused_by_status(void **state)
{
    struct fixture *f = *state;

    send_bytes(f, STR("junk"));
    assert_int_equal(f->status, 400);
    buf_adds(&f->message, "no protobuf");
    assert_int_equal(send_message(f), 400);
    assert_says(f, "no prometheus.WriteRequest");
    put_uvarint(&f->message, 1u << 30);
    send_bytes(f, buf_str(&f->message));
    assert_int_equal(f->status, 413);
    assert_says(f, "lower max_samples_per_send");
    assert_int_equal(remote_write_stats(f->rw).bad_requests, 3);
}

static void foreign_types_and_encodings_are_415(void **state)
{
    static const struct {
        const char *type, *encoding;
        int status;
    } cases[] = {
        {"application/json", "snappy", 415},
        {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", 415},
        {"application/x-protobuf", "gzip", 415},
        {"application/x-protobuf; proto=prometheus.WriteRequest", "snappy", 204},
        {"", "", 204},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f->headers[0].value = str_c(cases[i].type);
        f->headers[1].value = str_c(cases[i].encoding);
        assert_int_equal(send_message(f), cases[i].status);
    }
}

static void a_client_that_left_gets_no_answer_but_its_samples_stay(void **state)
{
    struct fixture *f = *state;

    build_series(&f->message, "a", "1", 1, 1);
    build_snappy(buf_str(&f->message), &f->body);
    f->http = (struct http_request){
        .body = buf_str(&f->body), .headers = f->headers, .headers_n = 2, .arena = &f->arena};
    remote_write_handle(&f->http, f->rw);
    f->http.on_gone(f->http.on_gone_arg);
    loop_run(f->loop);
    assert_int_equal(f->status, 0);
    assert_string_equal(scripted_sink_take(&f->sink), "a{i=\"1\"} 1 @1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(samples_are_stored_and_then_acknowledged),
        TEST(series_seen_before_are_not_resolved_again),
        TEST(after_a_cut_all_is_resolved_again_and_nothing_lost),
        TEST(a_store_that_stays_stale_is_unavailable),
        TEST(rows_of_a_series_are_put_in_order),
        TEST(rows_whose_times_ascend_by_series_stay_as_they_came),
        TEST(refused_samples_are_named_and_the_good_ones_stay),
        TEST(bad_labels_cost_only_their_own_series),
        TEST(a_full_head_refuses_new_series_and_says_so),
        TEST(native_histograms_are_left_out_with_a_word),
        TEST(exemplars_are_handed_on_and_those_of_refused_series_counted),
        TEST(exemplars_alone_are_committed_and_resolved_again_after_a_cut),
        TEST(a_full_disk_is_503_and_worth_another_try),
        TEST(metadata_is_committed_once),
        TEST(an_empty_request_is_fine),
        TEST(what_is_no_request_is_refused_by_status),
        TEST(foreign_types_and_encodings_are_415),
        TEST(a_client_that_left_gets_no_answer_but_its_samples_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
