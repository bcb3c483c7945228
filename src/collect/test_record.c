#include "base/test.h"

#include "base/err.h"
#include "collect/record.h"
#include "model/expo.h"

static const char body[] = "# HELP a_total Counts.\n# TYPE a_total counter\n"
                           "a_total{x=\"1\",y=\"\\n\"} 1 2000\nb 2\n";

static void what_was_recorded_is_replayed_after_its_source_is_gone(void **state)
{
    SCOPED(buf_fini) struct buf out = {0};
    SCOPED(arena_fini) struct arena scratch;
    struct expo_writer writer;
    struct record r;
    struct err err;
    char *copy = malloc(sizeof body);

    (void)state;
    memcpy(copy, body, sizeof body);
    arena_init(&scratch, NULL);
    record_init(&r, NULL);
    for (int round = 0; round < 2; round++) {
        buf_reset(&out);
        record_reset(&r);
        assert_ok(
            expo_parse((struct str){copy, sizeof body - 1}, EXPO_TEXT, &scratch, &r.emit, &err),
            err);
        if (round)
            free(copy);
        expo_writer_init(&writer, EXPO_TEXT, &out);
        assert_ok(record_replay(&r, &writer.emit, &err), err);
        assert_string_equal(out.p, body);
    }
    record_fini(&r);
}

static size_t clips_seen;

static int see_clips(struct emit *e, const struct emit_clip clips[], size_t n, uint64_t left_out,
                     struct err *err)
{
    (void)e;
    (void)err;
    for (size_t i = 0; i < n; i++)
        assert_true(str_eq(clips[i].id, STR("a1")) && str_eq(clips[i].worker, STR("gpu")) &&
                    clips[i].end == 9);
    clips_seen += n;
    assert_int_equal(left_out, 3);
    return 0;
}

static void jobs_are_recorded_too(void **state)
{
    struct emit to = {.clips = see_clips}, nobody = {.clips = NULL};
    char id[] = "a1";
    struct record r;
    struct err err;

    (void)state;
    record_init(&r, NULL);
    assert_ok(r.emit.clips(
                  &r.emit,
                  &(struct emit_clip){.id = str_c(id), .worker = STR("gpu"), .start = 1, .end = 9},
                  1, 3, &err),
              err);
    id[0] = 'b';
    assert_ok(record_replay(&r, &to, &err), err);
    assert_ok(record_replay(&r, &nobody, &err), err);
    assert_int_equal(clips_seen, 1);
    record_fini(&r);
}

static void a_budget_bounds_what_is_kept(void **state)
{
    struct budget budget;
    struct record r;
    struct err err = {.kind = ERR_NONE};
    int rc = 0;

    (void)state;
    budget_init(&budget, "record", 100000, NULL);
    record_init(&r, &budget);
    for (int i = 0; i < 10000 && rc == 0; i++)
        rc = emit_value(&r.emit, "a", METRIC_GAUGE, "help", 1, &err);
    assert_int_equal(rc, -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    record_fini(&r);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_recorded_is_replayed_after_its_source_is_gone),
        cmocka_unit_test(jobs_are_recorded_too),
        cmocka_unit_test(a_budget_bounds_what_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
