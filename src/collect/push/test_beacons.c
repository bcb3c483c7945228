#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/push/beacon_body.h"
#include "collect/push/beacons.h"
#include "collect/push/push_settings.h"
#include "collect/push/wanted.h"

#define NOW INT64_C(1780000000000)

static const struct beacon_source sources[] = {{"auralis", "studio", true, NULL},
                                               {"my-radio", NULL, false, NULL}};

static double value(struct beacons *b, const char *name, const char *instance, ts_ms now)
{
    struct wanted w = wanted_value(name, instance, -1);
    struct arena a;
    struct err err;

    arena_init(&a, NULL);
    assert_int_equal(beacons_emit(b, "host", now, &w.emit, &a, &err), 0);
    arena_fini(&a);
    return w.value;
}

static enum beacon_end tell(struct beacons *b, const char *service, const char *session,
                            uint64_t chunks, double latency_ms, ts_ms now)
{
    const struct beacon_body body = {.has = {[BEACON_CHUNKS] = true},
                                     .counts = {[BEACON_CHUNKS] = chunks},
                                     .has_latency = latency_ms >= 0,
                                     .latency_ms = latency_ms};

    return beacons_take(b, str_c(service), str_c(session), &body, now);
}

static struct beacons *made(size_t sessions_max)
{
    struct beacons *b = beacons_new();

    beacons_configure(b, sources, ARRAY_LEN(sources), sessions_max);
    return b;
}

#define CHUNKS(b) value(b, "auralis_client_chunks_received_total", "studio", NOW)

static void counters_grow_by_the_increase_of_each_session(void **state)
{
    struct beacons *b = made(10);

    (void)state;
    assert_true(CHUNKS(b) == 0);
    assert_int_equal(tell(b, "auralis", "a", 10, -1, NOW), BEACON_TAKEN);
    assert_int_equal(tell(b, "auralis", "b", 5, -1, NOW), BEACON_TAKEN);
    assert_int_equal(tell(b, "auralis", "a", 12, -1, NOW), BEACON_TAKEN);
    assert_true(CHUNKS(b) == 17);
    assert_int_equal(tell(b, "auralis", "a", 3, -1, NOW), BEACON_TAKEN); /* it began anew */
    assert_true(CHUNKS(b) == 20);
    assert_int_equal(tell(b, "stranger", "a", 3, -1, NOW), BEACON_STRANGER);
    beacons_free(b);
}

static void the_gauges_are_of_the_last_minute(void **state)
{
    struct beacons *b = made(10);

    (void)state;
    (void)tell(b, "auralis", "a", 1, 100, NOW - 60001);
    (void)tell(b, "auralis", "b", 1, 40, NOW - 60000);
    (void)tell(b, "auralis", "c", 1, 60, NOW);
    (void)tell(b, "auralis", "d", 1, -1, NOW);
    assert_true(value(b, "auralis_client_sessions", "studio", NOW) == 3);
    assert_true(value(b, "auralis_client_latency_ms", "studio", NOW) == 50);
    assert_true(value(b, "auralis_client_latency_ms", "studio", NOW + 70000) == -1);
    beacons_free(b);
}

static void a_service_of_a_pack_is_shown_once_it_was_spoken_for(void **state)
{
    struct beacons *b = made(10);

    (void)state;
    assert_true(value(b, "my_radio_client_chunks_received_total", "host", NOW) == -1);
    (void)tell(b, "my-radio", "a", 4, -1, NOW);
    assert_true(value(b, "my_radio_client_chunks_received_total", "host", NOW) == 4);
    beacons_configure(b, sources, 1, 10); /* gone from the configuration */
    assert_true(value(b, "my_radio_client_chunks_received_total", "host", NOW) == -1);
    assert_int_equal(tell(b, "my-radio", "a", 5, -1, NOW), BEACON_STRANGER);
    beacons_free(b);
}

static void sessions_that_are_silent_give_way_to_new_ones(void **state)
{
    struct beacons *b = made(2);

    (void)state;
    (void)tell(b, "auralis", "a", 1, -1, NOW);
    (void)tell(b, "auralis", "b", 1, -1, NOW + 1);
    assert_int_equal(tell(b, "auralis", "c", 1, -1, NOW + 599999), BEACON_CROWDED);
    assert_int_equal(tell(b, "auralis", "c", 1, -1, NOW + 600000), BEACON_TAKEN);
    assert_int_equal(tell(b, "auralis", "b", 2, -1, NOW + 600000), BEACON_TAKEN);
    assert_true(CHUNKS(b) == 4);
    assert_int_equal(beacons_count(b).sessions, 2);
    beacons_free(b);
}

static void after_a_restart_nothing_is_counted_twice(void **state)
{
    struct beacons *b = made(10), *again = beacons_new();
    SCOPED(buf_fini) struct buf bytes = {.max_bytes = 1u << 20};
    struct err err;

    (void)state;
    (void)tell(b, "auralis", "a", 10, -1, NOW);
    (void)tell(b, "my-radio", "a", 7, -1, NOW);
    beacons_write(b, &bytes);
    assert_int_equal(beacons_read(again, buf_str(&bytes), &err), 0);
    beacons_configure(again, sources, ARRAY_LEN(sources), 10);
    assert_true(CHUNKS(again) == 10);
    (void)tell(again, "auralis", "a", 11, -1, NOW);
    assert_true(CHUNKS(again) == 11);
    beacons_free(again);
    for (size_t n = 0; n < bytes.n; n++) {
        again = beacons_new();
        assert_int_equal(beacons_read(again, (struct str){bytes.p, n}, &err), -1);
        beacons_free(again);
    }
    beacons_free(b);
}

static void a_body_is_read_and_what_is_wrong_with_it_told(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", ""},
        {"[1]", "expected {\"type\""},
        {"{\"type\": \"other\", \"metrics\": {}}", "expected {\"type\""},
        {"{\"type\": \"client_metrics\", \"metrics\": 1}", "expected {\"type\""},
        {"{\"type\": \"client_metrics\", \"metrics\": {\"chunkErrors\": -1}}", "chunkErrors"},
        {"{\"type\": \"client_metrics\", \"metrics\": {\"chunkErrors\": 1.5}}", "chunkErrors"},
        {"{\"type\": \"client_metrics\", \"metrics\": {\"bufferUnderruns\": 1e300}}",
         "bufferUnderruns"},
        {"{\"type\": \"client_metrics\", \"metrics\": {\"avgLatencyMs\": \"80\"}}", "avgLatencyMs"},
    };
    struct beacon_body body;
    struct err err;

    (void)state;
    assert_int_equal(beacon_body_read(STR("{\"type\": \"client_metrics\", \"metrics\": {"
                                          "\"chunksReceived\": 12, \"bufferUnderruns\": null, "
                                          "\"avgLatencyMs\": 80.5, \"errorRate\": \"x\"}}\n"),
                                      &body, &err),
                     0);
    assert_true(body.has[BEACON_CHUNKS] && !body.has[BEACON_ERRORS] && !body.has[BEACON_UNDERRUNS]);
    assert_int_equal(body.counts[BEACON_CHUNKS], 12);
    assert_true(body.has_latency && body.latency_ms == 80.5);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(beacon_body_read(str_c(bad[i].text), &body, &err), -1);
        assert_non_null(strstr(err.text, bad[i].words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_grow_by_the_increase_of_each_session),
        cmocka_unit_test(the_gauges_are_of_the_last_minute),
        cmocka_unit_test(a_service_of_a_pack_is_shown_once_it_was_spoken_for),
        cmocka_unit_test(sessions_that_are_silent_give_way_to_new_ones),
        cmocka_unit_test(after_a_restart_nothing_is_counted_twice),
        cmocka_unit_test(a_body_is_read_and_what_is_wrong_with_it_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
