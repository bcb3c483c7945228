#include "base/test.h"

#include <math.h>
#include <time.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "collect/push/proto_families.h"

/* ---- messages by hand ---- */

static void put_key(struct buf *b, unsigned number, unsigned type)
{
    put_uvarint(b, number << 3 | type);
}

static void put_text(struct buf *b, unsigned number, struct str s)
{
    put_key(b, number, 2);
    put_vstr(b, s);
}

static void put_double(struct buf *b, unsigned number, double v)
{
    put_key(b, number, 1);
    put_f64(b, v);
}

static void put_number(struct buf *b, unsigned number, uint64_t v)
{
    put_key(b, number, 0);
    put_uvarint(b, v);
}

static void put_message(struct buf *b, unsigned number, struct buf *message)
{
    put_text(b, number, buf_str(message));
    buf_reset(message);
}

static void put_label(struct buf *metric, const char *name, const char *value)
{
    struct buf label = {.p = NULL};

    put_text(&label, 1, str_c(name));
    put_text(&label, 2, str_c(value));
    put_message(metric, 1, &label);
    buf_fini(&label);
}

/* A family of one metric, which is emptied. */
static void put_family(struct buf *out, const char *name, const char *help, unsigned type,
                       struct buf *metric)
{
    struct buf family = {.p = NULL};

    put_message(&family, 4, metric); /* in any order */
    put_text(&family, 1, str_c(name));
    put_text(&family, 2, str_c(help));
    if (type)
        put_number(&family, 3, type);
    put_vstr(out, buf_str(&family));
    buf_fini(&family);
}

/* The text, or the error's words. */
static const char *text_of(struct buf *body)
{
    static struct buf text;
    static struct err err;
    struct arena scratch;
    int rc;

    arena_init(&scratch, NULL);
    buf_reset(&text);
    rc = proto_families_to_text(buf_str(body), &scratch, &text, &err);
    arena_fini(&scratch);
    buf_addc(&text, '\0');
    return rc < 0 ? err.text : text.p;
}

/* ---- tests ---- */

static void values_become_text(void **state)
{
    struct buf body = {.p = NULL}, metric = {.p = NULL}, value = {.p = NULL};

    (void)state;
    put_double(&value, 1, 3);
    put_label(&metric, "db", "a\"b\n");
    put_message(&metric, 3, &value);
    put_family(&body, "rows_total", "Rows.", 0, &metric);
    put_double(&value, 1, -0.5);
    put_message(&metric, 2, &value);
    put_number(&metric, 6, 1780000000123);
    put_family(&body, "level", "Two\nlines.", 1, &metric);
    put_message(&metric, 5, &value); /* an empty value is 0 */
    put_family(&body, "plain", "", 3, &metric);
    assert_string_equal(text_of(&body), "# HELP rows_total Rows.\n# TYPE rows_total counter\n"
                                        "rows_total{db=\"a\\\"b\\n\"} 3\n"
                                        "# HELP level Two\\nlines.\n# TYPE level gauge\n"
                                        "level -0.5 1780000000123\n"
                                        "# TYPE plain untyped\n"
                                        "plain 0\n");
    buf_fini(&body);
    buf_fini(&metric);
    buf_fini(&value);
}

static void histograms_and_summaries_become_text(void **state)
{
    struct buf body = {.p = NULL}, metric = {.p = NULL}, value = {.p = NULL}, part = {.p = NULL};

    (void)state;
    put_number(&value, 1, 7);
    put_double(&value, 2, 12.5);
    put_number(&part, 1, 4);
    put_double(&part, 2, 0.1);
    put_message(&value, 3, &part);
    put_number(&part, 1, 6);
    put_double(&part, 2, 1);
    put_message(&value, 3, &part);
    put_label(&metric, "path", "/");
    put_message(&metric, 7, &value);
    put_family(&body, "took_seconds", "", 4, &metric);
    put_number(&value, 1, 2);
    put_double(&value, 2, 9);
    put_double(&part, 1, 0.99);
    put_double(&part, 2, 5);
    put_message(&value, 3, &part);
    put_message(&metric, 4, &value);
    put_family(&body, "size_bytes", "", 2, &metric);
    assert_string_equal(text_of(&body), "# TYPE took_seconds histogram\n"
                                        "took_seconds_bucket{path=\"/\",le=\"0.1\"} 4\n"
                                        "took_seconds_bucket{path=\"/\",le=\"1\"} 6\n"
                                        "took_seconds_bucket{path=\"/\",le=\"+Inf\"} 7\n"
                                        "took_seconds_sum{path=\"/\"} 12.5\n"
                                        "took_seconds_count{path=\"/\"} 7\n"
                                        "# TYPE size_bytes summary\n"
                                        "size_bytes{quantile=\"0.99\"} 5\n"
                                        "size_bytes_sum 9\n"
                                        "size_bytes_count 2\n");
    buf_fini(&body);
    buf_fini(&metric);
    buf_fini(&value);
    buf_fini(&part);
}

static void what_is_no_family_is_told(void **state)
{
    struct buf body = {.p = NULL}, metric = {.p = NULL}, value = {.p = NULL};

    (void)state;
    buf_adds(&body, "rows_total 5\n");
    assert_non_null(strstr(text_of(&body), "the length of a message cannot be read"));
    buf_reset(&body);
    put_double(&value, 1, 1);
    put_message(&metric, 2, &value);
    put_family(&body, "a", "", 9, &metric);
    assert_non_null(strstr(text_of(&body), "a family cannot be read"));
    buf_reset(&body);
    put_family(&body, "a", "", 1, &metric); /* without a value */
    assert_non_null(strstr(text_of(&body), "a metric cannot be read"));
    buf_reset(&body);
    put_message(&metric, 2, &value);
    put_double(&value, 1, 1);
    put_message(&metric, 2, &value);
    put_family(&body, "a", "", 1, &metric);
    for (body.n--; body.n > 0; body.n--)
        assert_non_null(strstr(text_of(&body), "cannot be read"));
    assert_string_equal(text_of(&body), ""); /* nothing is no metric, and no mistake */
    buf_fini(&body);
    buf_fini(&metric);
    buf_fini(&value);
}

static void few_bytes_that_would_be_gigabytes_of_text_are_refused_early(void **state)
{
    struct buf body = {.p = NULL}, family = {.p = NULL}, name = {.p = NULL};
    clock_t before = clock();

    (void)state;
    for (size_t i = 0; i < 60000; i++)
        buf_addc(&name, 'n');
    put_text(&family, 1, buf_str(&name));
    for (size_t i = 0; i < 400000; i++)
        put_text(&family, 4, STR("\x2a\0")); /* untyped, and 0 */
    put_vstr(&body, buf_str(&family));
    assert_non_null(strstr(text_of(&body), "more than 32 MB of text"));
    assert_true(clock() - before < 5 * CLOCKS_PER_SEC);
    buf_fini(&body);
    buf_fini(&family);
    buf_fini(&name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_text),
        cmocka_unit_test(histograms_and_summaries_become_text),
        cmocka_unit_test(what_is_no_family_is_told),
        cmocka_unit_test(few_bytes_that_would_be_gigabytes_of_text_are_refused_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
