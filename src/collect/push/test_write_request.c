#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/push/build_request.h"
#include "collect/push/write_request.h"
#include "model/labels.h"
#include "model/metadata.h"

struct fixture {
    struct arena arena;
    struct buf message, series;
    struct write_request request;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->arena, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_fini(&f->arena);
    buf_fini(&f->message);
    buf_fini(&f->series);
    free(f);
    return 0;
}

static void decode(struct fixture *f)
{
    assert_ok(write_request_decode(buf_str(&f->message), &f->arena, &f->request, &f->err), f->err);
}

static void assert_labels(struct fixture *f, size_t i, const char *expected)
{
    SCOPED(buf_fini) struct buf text = {0};
    const struct labels *labels;

    assert_ok(write_request_labels(f->request.series[i].labels, &f->arena, &labels, &f->err),
              f->err);
    labels_print(labels, &text);
    assert_string_equal(text.p, expected);
}

static void series_and_samples_come_out_in_order(void **state)
{
    struct fixture *f = *state;

    build_series(&f->message, "a", "1", 1.5, 1000);
    build_label(&f->series, "z", STR("2"));
    build_label(&f->series, "__name__", STR("b"));
    build_label(&f->series, "empty", STR(""));
    build_sample(&f->series, -2, -5);
    build_sample(&f->series, 3, 7);
    build_field(&f->message, 1, buf_str(&f->series));
    decode(f);
    assert_int_equal(f->request.series_n, 2);
    assert_int_equal(f->request.rows_n, 3);
    assert_labels(f, 0, "a{i=\"1\"}");
    assert_labels(f, 1, "b{z=\"2\"}");
    assert_int_equal(f->request.series[1].first_row, 1);
    assert_int_equal(f->request.series[1].rows_n, 2);
    assert_true(f->request.rows[0].value == 1.5 && f->request.rows[0].ts == 1000);
    assert_true(f->request.rows[1].value == -2 && f->request.rows[1].ts == -5);
}

static void the_same_label_bytes_have_the_same_key(void **state)
{
    struct fixture *f = *state;

    build_series(&f->message, "a", "1", 1, 1);
    build_series(&f->message, "a", "1", 2, 2);
    build_series(&f->message, "a", "2", 2, 2);
    decode(f);
    assert_memory_equal(&f->request.series[0].key, &f->request.series[1].key,
                        sizeof(struct hash128));
    assert_memory_not_equal(&f->request.series[0].key, &f->request.series[2].key,
                            sizeof(struct hash128));
}

static void labels_with_samples_between_them_are_gathered(void **state)
{
    struct fixture *f = *state;

    build_series(&f->message, "a", "1", 1, 1);
    build_label(&f->series, "__name__", STR("a"));
    build_sample(&f->series, 1, 1);
    build_label(&f->series, "i", STR("1"));
    build_field(&f->message, 1, buf_str(&f->series));
    decode(f);
    assert_labels(f, 1, "a{i=\"1\"}");
    assert_memory_equal(&f->request.series[0].key, &f->request.series[1].key,
                        sizeof(struct hash128));
}

static void histograms_are_counted_and_unknown_fields_skipped(void **state)
{
    struct fixture *f = *state;

    build_label(&f->series, "__name__", STR("a"));
    build_field(&f->series, 4, STR("histogram"));
    build_field(&f->series, 4, STR("histogram"));
    put_u8(&f->series, 9 << 3);
    put_uvarint(&f->series, 300);
    put_u8(&f->series, 10 << 3 | 5);
    put_u32(&f->series, 1);
    build_field(&f->message, 1, buf_str(&f->series));
    build_series(&f->message, "b", "1", 1, 1);
    build_field(&f->message, 99, STR("?"));
    decode(f);
    assert_int_equal(f->request.series_n, 1);
    assert_int_equal(f->request.histograms_n, 2);
    assert_labels(f, 0, "b{i=\"1\"}");
}

static void exemplars_belong_to_their_series_also_to_one_without_samples(void **state)
{
    SCOPED(buf_fini) struct buf text = {0};
    struct fixture *f = *state;
    const struct write_exemplar *e;

    build_series(&f->message, "a", "1", 1, 1);
    build_label(&f->series, "__name__", STR("b"));
    build_exemplar(&f->series, "trace_id", STR("x"), 1.5, 1000);
    build_exemplar(&f->series, "trace_id", STR("y"), -2, -5);
    build_field(&f->message, 1, buf_str(&f->series));
    decode(f);
    assert_int_equal(f->request.series_n, 2);
    assert_int_equal(f->request.series[1].rows_n, 0);
    assert_labels(f, 1, "b");
    assert_int_equal(f->request.exemplars_n, 2);
    e = f->request.exemplars;
    assert_int_equal(e[0].series, 1);
    assert_true(e[0].value == 1.5 && e[0].ts == 1000 && e[1].value == -2 && e[1].ts == -5);
    labels_print(e[1].labels, &text);
    assert_string_equal(text.p, "{trace_id=\"y\"}");
}

static void an_exemplar_with_bad_labels_or_past_all_times_costs_itself_alone(void **state)
{
    struct fixture *f = *state;

    build_label(&f->series, "__name__", STR("a"));
    build_exemplar(&f->series, "trace_id", STR("\xff"), 1, 1);
    build_exemplar(&f->series, "", STR("x"), 1, 1);
    build_exemplar(&f->series, "trace_id", STR("x"), 1, INT64_MAX);
    build_exemplar(&f->series, "trace_id", STR("x"), 1, 1);
    build_sample(&f->series, 1, 1);
    build_field(&f->message, 1, buf_str(&f->series));
    decode(f);
    assert_int_equal(f->request.exemplars_n, 1);
    assert_int_equal(f->request.exemplars_refused, 3);
    assert_int_equal(f->request.rows_n, 1);
    buf_reset(&f->series);
    buf_reset(&f->message);
    build_field(&f->series, 3, STR("exemplar"));
    build_field(&f->message, 1, buf_str(&f->series));
    assert_fails(write_request_decode(buf_str(&f->message), &f->arena, &f->request, &f->err),
                 f->err, ERR_SYNTAX, "an exemplar cannot be read");
}

static void metadata_is_read(void **state)
{
    struct fixture *f = *state;

    put_u8(&f->series, 1 << 3);
    put_uvarint(&f->series, 3);
    build_field(&f->series, 2, STR("lat_seconds"));
    build_field(&f->series, 4, STR("Latency."));
    build_field(&f->series, 5, STR("seconds"));
    build_field(&f->message, 3, buf_str(&f->series));
    decode(f);
    assert_int_equal(f->request.metadata_n, 1);
    assert_int_equal(f->request.metadata[0].type, METRIC_HISTOGRAM);
    assert_true(str_eq(f->request.metadata[0].family, STR("lat_seconds")));
    assert_true(str_eq(f->request.metadata[0].help, STR("Latency.")));
    assert_true(str_eq(f->request.metadata[0].unit, STR("seconds")));
}

static void bad_label_sets_say_what_is_wrong(void **state)
{
    static const struct {
        const char *name, *value, *words;
    } cases[] = {
        {"", "x", "a label has no name"},
        {"x", "\xff", "not valid UTF-8"},
        {"x\xc3", "y", "not valid UTF-8"},
        {"__name__", "again", "given twice"},
    };
    struct fixture *f = *state;
    const struct labels *labels;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_reset(&f->series);
        build_label(&f->series, "__name__", STR("a"));
        build_label(&f->series, cases[i].name, str_c(cases[i].value));
        assert_fails(write_request_labels(buf_str(&f->series), &f->arena, &labels, &f->err), f->err,
                     ERR_TYPE, cases[i].words);
    }
    buf_reset(&f->series);
    build_label(&f->series, "x", STR("y"));
    assert_fails(write_request_labels(buf_str(&f->series), &f->arena, &labels, &f->err), f->err,
                 ERR_TYPE, "no metric name");
}

static void a_request_cut_anywhere_is_refused_or_shorter(void **state)
{
    struct fixture *f = *state;
    size_t series_ends[2];

    build_series(&f->message, "a", "1", 1, 1000000);
    series_ends[0] = f->message.n;
    build_series(&f->message, "b", "1", 1, 1000000);
    series_ends[1] = f->message.n;
    for (size_t n = 1; n < f->message.n; n++) {
        int rc =
            write_request_decode((struct str){f->message.p, n}, &f->arena, &f->request, &f->err);

        assert_int_equal(rc, n == series_ends[0] ? 0 : -1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(series_and_samples_come_out_in_order),
        TEST(the_same_label_bytes_have_the_same_key),
        TEST(labels_with_samples_between_them_are_gathered),
        TEST(histograms_are_counted_and_unknown_fields_skipped),
        TEST(exemplars_belong_to_their_series_also_to_one_without_samples),
        TEST(an_exemplar_with_bad_labels_or_past_all_times_costs_itself_alone),
        TEST(metadata_is_read),
        TEST(bad_label_sets_say_what_is_wrong),
        TEST(a_request_cut_anywhere_is_refused_or_shorter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
