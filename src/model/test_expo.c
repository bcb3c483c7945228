#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/expo.h"
#include "text/number.h"

/* Writes down what a parser emits: "# family type unit|help", then series, value, @time, exemplar.
 */
struct recorder {
    struct emit emit;
    struct buf text;
    size_t samples;
    size_t refuse_at; /* the sample that is refused, 0: none */
    char series[64];  /* the text of the last one */
};

static int record_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct recorder *r = CONTAINER_OF(e, struct recorder, emit);

    (void)err;
    buf_addf(&r->text, "# %.*s %s %.*s|%.*s\n", STR_ARGS(family->family),
             metric_type_name(family->type), STR_ARGS(family->unit), STR_ARGS(family->help));
    return 0;
}

static void print_number(struct buf *out, double v)
{
    char text[NUMBER_TEXT_MAX];

    buf_add(out, (struct str){text, number_print(v, text)});
}

static void print_labels(struct buf *out, const struct label *labels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%.*s=%.*s", i ? "," : "", STR_ARGS(labels[i].name),
                 STR_ARGS(labels[i].value));
}

static int record_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct recorder *r = CONTAINER_OF(e, struct recorder, emit);

    assert_true(s->text.series.n < sizeof r->series || s->labels_n > 32);
    memcpy(r->series, s->text.series.p, s->text.series.n % sizeof r->series);
    r->series[s->text.series.n % sizeof r->series] = '\0';
    if (++r->samples == r->refuse_at)
        return err_set(err, ERR_LIMIT, "no more");
    buf_addf(&r->text, "%.*s{", STR_ARGS(s->name));
    print_labels(&r->text, s->labels, s->labels_n);
    buf_adds(&r->text, "} ");
    print_number(&r->text, s->value);
    if (s->has_ts)
        buf_addf(&r->text, " @%lld", (long long)s->ts);
    if (s->has_exemplar) {
        buf_adds(&r->text, " #");
        print_labels(&r->text, s->exemplar_labels, s->exemplar_labels_n);
        buf_addc(&r->text, ' ');
        print_number(&r->text, s->exemplar_value);
        if (s->exemplar_has_ts)
            buf_addf(&r->text, " @%lld", (long long)s->exemplar_ts);
    }
    buf_addc(&r->text, '\n');
    return 0;
}

static int run(struct recorder *r, struct str body, enum expo_format format, struct err *err)
{
    struct arena scratch;
    int rc;

    *r = (struct recorder){.emit = {.family = record_family, .sample = record_sample},
                           .refuse_at = r->refuse_at};
    buf_init(&r->text, 0);
    arena_init(&scratch, NULL);
    rc = expo_parse(body, format, &scratch, &r->emit, err);
    arena_fini(&scratch);
    return rc;
}

static void assert_gives(struct str body, enum expo_format format, const char *expected)
{
    struct recorder r = {.refuse_at = 0};
    struct err err = {0};

    assert_ok(run(&r, body, format, &err), err);
    assert_string_equal(r.text.p ? r.text.p : "", expected);
    buf_fini(&r.text);
}

static void assert_refuses(struct str body, enum expo_format format, unsigned line, unsigned column,
                           const char *words)
{
    struct recorder r = {.refuse_at = 0};
    struct err err = {0};

    assert_fails(run(&r, body, format, &err), err, ERR_SYNTAX, words);
    assert_int_equal(err.at.line, line);
    assert_int_equal(err.at.column, column);
    buf_fini(&r.text);
}

#define TEXT(in, out)                  assert_gives(STR(in), EXPO_TEXT, out)
#define OM(in, out)                    assert_gives(STR(in "# EOF\n"), EXPO_OPENMETRICS, out)
#define TEXT_BAD(in, line, col, words) assert_refuses(STR(in), EXPO_TEXT, line, col, words)
#define OM_BAD(in, line, col, words)   assert_refuses(STR(in), EXPO_OPENMETRICS, line, col, words)

static void text_lines_give_names_labels_values_and_times(void **state)
{
    (void)state;
    TEXT("", "");
    TEXT("a 1\n", "a{} 1\n");
    TEXT("a 1", "a{} 1\n");
    TEXT("\n\n  \t\na 1\n\n", "a{} 1\n");
    TEXT("a:b_c9{x=\"1\",y=\"2\"} -2.5 1700000000123\n", "a:b_c9{x=1,y=2} -2.5 @1700000000123\n");
    TEXT("a +Inf\nb -inf\nc NaN\nd 1e3\n", "a{} +Inf\nb{} -Inf\nc{} NaN\nd{} 1000\n");
    TEXT("a{}1\n", "a{} 1\n");
    TEXT("a{x=\"\"} 1\n", "a{x=} 1\n");
}

static void text_takes_the_liberties_prometheus_takes(void **state)
{
    (void)state;
    TEXT("\ta\t{ x = \"1\" , y=\"2\" , } \t 3 \t 4 \n", "a{x=1,y=2} 3 @4\n");
    TEXT("a{x=\"1\" y=\"2\"} 3\n", "a{x=1,y=2} 3\n");
    TEXT("a{x=\"line\nbreak\"} 3\n", "a{x=line\nbreak} 3\n");
    TEXT("a+1\n", "a{} 1\n");
    TEXT("#\n#x\n# x\n#HELP a b\n# HELPING a\n# TYPE\n# EOF\na 1\n", "a{} 1\n");
    assert_gives((struct str){"a{x=\"b\0c\"} 1\n", 13}, EXPO_TEXT,
                 "a{x=b} 1\n"); /* printed up to NUL */
}

static void metadata_lines_of_a_family_are_gathered(void **state)
{
    (void)state;
    TEXT("# HELP a Some help.\n# TYPE a counter\na 1\n", "# a counter |Some help.\na{} 1\n");
    TEXT("# TYPE a gauge\n# HELP b two\n", "# a gauge |\n# b unknown |two\n");
    TEXT("# TYPE a untyped\na 1\n# HELP a late\na{b=\"c\"} 2\n",
         "# a unknown |\na{} 1\n# a unknown |late\na{b=c} 2\n");
    TEXT("# HELP a\n# HELP b \na 1\n", "# a unknown |\n# b unknown |\na{} 1\n");
    TEXT("# HELP a x\\\\y\\nz\\q\\\"\n", "# a unknown |x\\y\nz\\q\\\"\n");
    TEXT("# HELP \"a.b\" x\n", "# a.b unknown |x\n");
    TEXT("# HELP \"a\\\"b\" x\n", "# a\"b unknown |x\n");
    OM("# HELP a_seconds x\\\"y\n# UNIT a_seconds seconds\n# TYPE a_seconds summary\n",
       "# a_seconds summary seconds|x\"y\n");
}

static void escapes_in_values_are_undone_and_unknown_ones_kept(void **state)
{
    (void)state;
    TEXT("a{x=\"q\\\"b\\\\n\\nt\\t\"} 1\n", "a{x=q\"b\\n\nt\\t} 1\n");
}

static void names_in_utf8_stand_quoted_in_the_braces(void **state)
{
    (void)state;
    TEXT("{\"a.b\"} 1\n", "a.b{} 1\n");
    TEXT("{\"a.b\",x=\"1\",\"y.z\"=\"2\"} 1\n", "a.b{x=1,y.z=2} 1\n");
    TEXT("{x=\"1\", \"a b\" , y=\"2\"} 1\n", "a b{x=1,y=2} 1\n");
    OM("{\"a\\\"b\"} 1\n", "a\"b{} 1\n");
    TEXT_BAD("a{\"b\"} 1\n", 1, 3, "given twice");
    TEXT_BAD("{\"a\",\"b\"} 1\n", 1, 6, "given twice");
    TEXT_BAD("{\"\"} 1\n", 1, 2, "the metric name is empty");
    TEXT_BAD("a{\"\"=\"x\"} 1\n", 1, 3, "label name is empty");
    TEXT_BAD("{x=\"1\"} 1\n", 1, 1, "no name");
    TEXT_BAD("{a} 1\n", 1, 3, "expected '='");
    TEXT_BAD("{\"a\xff\"} 1\n", 1, 2, "not valid UTF-8");
}

static void bounds_of_histograms_and_summaries_have_one_spelling(void **state)
{
    (void)state;
    TEXT("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2.50\"} 1\n"
         "h_bucket{le=\"+Inf\"} 1\nh_bucket{le=\"x\"} 1\nh_bucket{le=\"10000000\"} 1\n"
         "h_bucket{quantile=\"1\"} 1\n",
         "# h histogram |\nh_bucket{le=1.0} 1\nh_bucket{le=2.5} 1\nh_bucket{le=+Inf} 1\n"
         "h_bucket{le=x} 1\nh_bucket{le=1e+07} 1\nh_bucket{quantile=1} 1\n");
    TEXT("# TYPE s summary\ns{quantile=\"1\"} 1\ns{le=\"1\"} 1\n",
         "# s summary |\ns{quantile=1.0} 1\ns{le=1} 1\n");
    TEXT("g{le=\"1\"} 1\n", "g{le=1} 1\n");
}

static void broken_text_lines_say_where_and_what(void **state)
{
    (void)state;
    TEXT_BAD("a\n", 1, 2, "expected a value after the metric, got the end of the line");
    TEXT_BAD("ok 1\na{b=c} 1\n", 2, 5, "label value in double quotes, got 'c'");
    TEXT_BAD("a{b=\"c} 1\n", 1, 5, "never closed");
    TEXT_BAD("a{b=\"c\\\n\"} 1\n", 1, 7, "backslash at the end");
    TEXT_BAD("a{b=\"\xff\"} 1\n", 1, 5, "not valid UTF-8");
    TEXT_BAD("a{,} 1\n", 1, 3, "expected a label name");
    TEXT_BAD("a{b=\"c\",,} 1\n", 1, 9, "expected a label name");
    TEXT_BAD("a{1=\"c\"} 1\n", 1, 3, "expected a label name or '}', got '1'");
    TEXT_BAD("a 1_2\n", 1, 3, "\"1_2\" is not a number");
    TEXT_BAD("a 0x1p-3\n", 1, 3, "is not a number");
    TEXT_BAD("a 1 2.5\n", 1, 6, "expected the end of the line, got '.'");
    TEXT_BAD("a 1 -2\n", 1, 5, "expected a timestamp");
    TEXT_BAD("a 1 99999999999999999999\n", 1, 5, "out of range");
    TEXT_BAD("a 1\r\n", 1, 3, "is not a number");
    TEXT_BAD("9a 1\n", 1, 1, "expected a metric name");
    TEXT_BAD("# TYPE a counters\n", 1, 10, "is no metric type");
    TEXT_BAD("# TYPE a info\n", 1, 10, "is no metric type");
    TEXT_BAD("# TYPE #\n", 1, 8, "expected a metric name after TYPE");
    TEXT_BAD("# HELP a \xff\n", 1, 10, "not valid UTF-8");
    assert_refuses((struct str){"a\0 1\n", 5}, EXPO_TEXT, 1, 2, "is not a number");
    assert_refuses((struct str){"\0a 1\n", 5}, EXPO_TEXT, 1, 1, "got byte 0x00");
    assert_refuses((struct str){"{\"a\0\"} 1\n", 9}, EXPO_TEXT, 1, 2, "NUL byte");
}

static void openmetrics_lines_give_seconds_and_exemplars(void **state)
{
    (void)state;
    OM("", "");
    assert_gives(STR("# EOF"), EXPO_OPENMETRICS, "");
    OM("a 1 123.456\n", "a{} 1 @123456\n");
    OM("a_total 1 # {id=\"x\",\"y.z\"=\"2\"} 0.5 1.5\n", "a_total{} 1 #id=x,y.z=2 0.5 @1500\n");
    OM("a_total 1 7 # {} 2\n", "a_total{} 1 @7000 # 2\n");
    OM("a 1 1.007\nb 1 -1.5\nc 1 1700000000.0079\n",
       "a{} 1 @1007\nb{} 1 @-1500\nc{} 1 @1700000000007\n");
    OM("a 1 1e30\n", "a{} 1 @9223372036854775807\n");
}

static void openmetrics_is_strict_to_the_blank(void **state)
{
    (void)state;
    OM_BAD("a 1\n", 2, 1, "without \"# EOF\"");
    OM_BAD("a 1", 1, 4, "without \"# EOF\"");
    OM_BAD("a 1 2", 1, 6, "without \"# EOF\"");
    OM_BAD("# EOF\n\n", 2, 1, "more after");
    OM_BAD("# EOFx", 1, 6, "more after");
    OM_BAD("\n# EOF\n", 1, 1, "no empty lines");
    OM_BAD("# comment\n# EOF\n", 1, 3, "no other comments");
    OM_BAD("#EOF\n", 1, 1, "expected a metric name");
    OM_BAD("a  1\n# EOF\n", 1, 3, "expected a value, got a blank");
    OM_BAD("a\t1\n# EOF\n", 1, 2, "expected one blank and a value, got byte 0x09");
    OM_BAD("a{b=\"c\" } 1\n# EOF\n", 1, 8, "expected ',' or '}'");
    OM_BAD("a{b=\"c\nd\"} 1\n# EOF\n", 1, 5, "not closed on its line");
    OM_BAD("a 1 x\n# EOF\n", 1, 5, "is not a number");
    OM_BAD("a 1 NaN\n# EOF\n", 1, 5, "out of range");
    OM_BAD("a 1 Inf\n# EOF\n", 1, 5, "out of range");
    OM_BAD("a{b=\"c\",} 1\n# EOF\n", 1, 9, "expected a label name");
    OM_BAD("{b=\"c\",\"a\",} 1\n# EOF\n", 1, 12, "expected a label name");
    OM_BAD("a_total 1 # {\"x\"} 1\n# EOF\n", 1, 14, "expected a label of the exemplar");
    OM_BAD("a_total 1 # {x=\"y\"}\n# EOF\n", 1, 20, "expected one blank and the exemplar's value");
    OM_BAD("# HELP a\n# EOF\n", 1, 9, "expected one blank and a text");
    OM_BAD("# TYPE a untyped\n# EOF\n", 1, 10, "no metric type of OpenMetrics");
    OM_BAD("# UNIT a seconds\n# EOF\n", 1, 10, "does not end in its unit");
}

static void exemplars_stand_only_where_something_is_counted(void **state)
{
    (void)state;
    OM("a_bucket 1 # {} 2\na_count 1 # {} 2\n", "a_bucket{} 1 # 2\na_count{} 1 # 2\n");
    OM("# TYPE s summary\ns_sum 1 # {} 2\n", "# s summary |\ns_sum{} 1 # 2\n");
    OM_BAD("# TYPE a gauge\na 1 # {b=\"c\"} 2\n# EOF\n", 2, 5, "not to \"a\"");
    OM_BAD("# TYPE h histogram\nh_sum 1 # {b=\"c\"} 2\n# EOF\n", 2, 9, "not to \"h_sum\"");
}

static void the_text_of_a_series_is_its_name_and_labels(void **state)
{
    struct recorder r = {.refuse_at = 0};
    struct err err = {0};

    (void)state;
    assert_ok(run(&r, STR(" a{b=\"c\"}  1 2\n"), EXPO_TEXT, &err), err);
    assert_string_equal(r.series, "a{b=\"c\"}");
    buf_fini(&r.text);
    assert_ok(run(&r, STR("a  1 2\n"), EXPO_TEXT, &err), err);
    assert_string_equal(r.series, "a");
    buf_fini(&r.text);
    assert_ok(run(&r, STR("{\"a\"} 1\n# EOF"), EXPO_OPENMETRICS, &err), err);
    assert_string_equal(r.series, "{\"a\"}");
    buf_fini(&r.text);
}

static void more_labels_than_the_small_array_holds_are_kept(void **state)
{
    SCOPED(buf_fini) struct buf in = {0}, out = {0};

    (void)state;
    buf_adds(&in, "a{");
    buf_adds(&out, "a{");
    for (int i = 0; i < 100; i++) {
        buf_addf(&in, "l%d=\"\\\\%d\",", i, i);
        buf_addf(&out, "%sl%d=\\%d", i ? "," : "", i, i);
    }
    buf_adds(&in, "} 1\nb 2\n");
    buf_adds(&out, "} 1\nb{} 2\n");
    assert_gives(buf_str(&in), EXPO_TEXT, out.p);
}

static void a_consumer_that_stops_stops_the_parser(void **state)
{
    struct recorder r = {.refuse_at = 2};
    struct err err = {0};

    (void)state;
    assert_fails(run(&r, STR("a 1\nb 2\nc 3\n"), EXPO_TEXT, &err), err, ERR_LIMIT, "no more");
    assert_string_equal(r.text.p, "a{} 1\n");
    buf_fini(&r.text);
}

static void short_numbers_equal_the_long_way(void **state)
{
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "1",
                                          "123456789012345",
                                          "-123456789012345",
                                          "1234567890123456",
                                          "0.1",
                                          "-0.3",
                                          "1.5",
                                          ".5",
                                          "5.",
                                          "123456789.012345",
                                          "0.00000000000001",
                                          "99999999999999.9",
                                          "1e5",
                                          "4.9351e-05",
                                          "7.424100000000001e-05",
                                          "18446744073709551616"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        SCOPED(buf_fini) struct buf in = {0}, out = {0};
        double v = strtod(numbers[i], NULL);

        buf_addf(&in, "a %s\n", numbers[i]);
        buf_adds(&out, "a{} ");
        print_number(&out, v);
        buf_addc(&out, '\n');
        assert_gives(buf_str(&in), EXPO_TEXT, out.p);
    }
    TEXT_BAD("a .\n", 1, 3, "is not a number");
    TEXT_BAD("a -\n", 1, 3, "is not a number");
    TEXT_BAD("a 1.2.3\n", 1, 3, "is not a number");
}

static void the_content_type_tells_the_format_or_why_not(void **state)
{
    enum expo_format format = EXPO_OPENMETRICS;
    struct err err = {0};

    (void)state;
    assert_ok(expo_format_of(STR(""), &format, &err), err);
    assert_int_equal(format, EXPO_TEXT);
    assert_ok(expo_format_of(STR("Application/OpenMetrics-Text; version=1.0.0"), &format, &err),
              err);
    assert_int_equal(format, EXPO_OPENMETRICS);
    assert_ok(expo_format_of(STR("text/plain; version=0.0.4"), &format, &err), err);
    assert_int_equal(format, EXPO_TEXT);
    assert_fails(expo_format_of(STR("text/html; charset=utf-8"), &format, &err), err, ERR_TYPE,
                 "a web page (HTML)");
    assert_fails(expo_format_of(STR("application/json"), &format, &err), err, ERR_TYPE, "in JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines_give_names_labels_values_and_times),
        cmocka_unit_test(text_takes_the_liberties_prometheus_takes),
        cmocka_unit_test(metadata_lines_of_a_family_are_gathered),
        cmocka_unit_test(escapes_in_values_are_undone_and_unknown_ones_kept),
        cmocka_unit_test(names_in_utf8_stand_quoted_in_the_braces),
        cmocka_unit_test(bounds_of_histograms_and_summaries_have_one_spelling),
        cmocka_unit_test(broken_text_lines_say_where_and_what),
        cmocka_unit_test(openmetrics_lines_give_seconds_and_exemplars),
        cmocka_unit_test(openmetrics_is_strict_to_the_blank),
        cmocka_unit_test(exemplars_stand_only_where_something_is_counted),
        cmocka_unit_test(the_text_of_a_series_is_its_name_and_labels),
        cmocka_unit_test(more_labels_than_the_small_array_holds_are_kept),
        cmocka_unit_test(a_consumer_that_stops_stops_the_parser),
        cmocka_unit_test(short_numbers_equal_the_long_way),
        cmocka_unit_test(the_content_type_tells_the_format_or_why_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
