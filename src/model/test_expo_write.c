#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/expo.h"

static const struct label plain[] = {{{"a", 1}, {"x\"\\\ny", 5}}, {{"b.c", 3}, {"", 0}}};

static const struct {
    struct metadata family;
    struct emit_sample sample;
    const char *text, *openmetrics;
} cases[] = {
    {{{"a_total", 7}, METRIC_COUNTER, {"Help \\ and\n\"quotes\"", 19}, {0}},
     {.name = {"a_total", 7}, .value = 1.5},
     "# HELP a_total Help \\\\ and\\n\"quotes\"\n# TYPE a_total counter\na_total 1.5\n",
     "# HELP a Help \\\\ and\\n\\\"quotes\\\"\n# TYPE a counter\na_total 1.5\n"},
    {{{"a", 1}, METRIC_COUNTER, {0}, {0}},
     {.name = {"a", 1}, .value = 1},
     "# TYPE a counter\na 1\n",
     "# TYPE a counter\na_total 1\n"},
    {{{"t_seconds", 9}, METRIC_GAUGE, {0}, {"seconds", 7}},
     {.name = {"t_seconds", 9}, .value = 1, .labels = plain, .labels_n = 2},
     "# TYPE t_seconds gauge\nt_seconds{a=\"x\\\"\\\\\\ny\",\"b.c\"=\"\"} 1\n",
     "# TYPE t_seconds gauge\n# UNIT t_seconds seconds\n"
     "t_seconds{a=\"x\\\"\\\\\\ny\",\"b.c\"=\"\"} 1\n"},
    {{{"a.b", 3}, METRIC_UNKNOWN, {"x", 1}, {0}},
     {.name = {"a.b", 3}, .value = 1, .has_ts = true, .ts = -1500, .labels = plain, .labels_n = 1},
     "# HELP \"a.b\" x\n# TYPE \"a.b\" untyped\n{\"a.b\",a=\"x\\\"\\\\\\ny\"} 1 -1500\n",
     "# HELP \"a.b\" x\n# TYPE \"a.b\" unknown\n{\"a.b\",a=\"x\\\"\\\\\\ny\"} 1 -1.500\n"},
    {{{"s", 1}, METRIC_STATESET, {0}, {0}},
     {.name = {"s_count", 7},
      .value = 1,
      .has_exemplar = true,
      .exemplar_labels = plain,
      .exemplar_labels_n = 1,
      .exemplar_value = 2,
      .exemplar_has_ts = true,
      .exemplar_ts = 1007},
     "# TYPE s gauge\ns_count 1\n",
     "# TYPE s stateset\ns_count 1 # {a=\"x\\\"\\\\\\ny\"} 2 1.007\n"},
};

static void write_case(size_t i, enum expo_format format, struct buf *out)
{
    struct expo_writer w;
    struct err err = {0};

    expo_writer_init(&w, format, out);
    assert_ok(w.emit.family(&w.emit, &cases[i].family, &err), err);
    assert_ok(w.emit.sample(&w.emit, &cases[i].sample, &err), err);
}

static void each_case_is_written_in_both_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(buf_fini) struct buf text = {0}, openmetrics = {0};

        write_case(i, EXPO_TEXT, &text);
        assert_string_equal(text.p, cases[i].text);
        write_case(i, EXPO_OPENMETRICS, &openmetrics);
        assert_string_equal(openmetrics.p, cases[i].openmetrics);
    }
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(buf_fini) struct buf once = {0}, twice = {0};
        SCOPED(arena_fini) struct arena scratch;
        struct expo_writer w;
        struct err err = {0};

        arena_init(&scratch, NULL);
        write_case(i, EXPO_OPENMETRICS, &once);
        buf_adds(&once, "# EOF\n");
        expo_writer_init(&w, EXPO_OPENMETRICS, &twice);
        assert_ok(expo_parse(buf_str(&once), EXPO_OPENMETRICS, &scratch, &w.emit, &err), err);
        expo_writer_end(&w);
        assert_string_equal(once.p, twice.p);
    }
}

static void the_content_type_is_read_back_as_the_format(void **state)
{
    (void)state;
    for (int format = EXPO_TEXT; format <= EXPO_OPENMETRICS; format++) {
        enum expo_format read;
        struct err err = {0};

        assert_ok(expo_format_of(str_c(expo_content_type((enum expo_format)format)), &read, &err),
                  err);
        assert_int_equal(read, format);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_is_written_in_both_formats),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(the_content_type_is_read_back_as_the_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
