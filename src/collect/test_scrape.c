#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/fake_fetch.h"
#include "collect/scrape.h"

static int ignore_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e, (void)family, (void)err;
    return 0;
}

static int ignore_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    (void)e, (void)sample, (void)err;
    return 0;
}

static void the_request_asks_for_openmetrics_first_and_names_its_timeout(void **state)
{
    struct scrape_request request = {.url = "http://h:1/metrics", .timeout_ms = 2500};
    struct fetch *fetch;
    struct err err;

    (void)state;
    fake_fetch_silent = true;
    assert_ok(scrape_start(NULL, &request, &fetch, &err), err);
    assert_non_null(strstr(fake_fetch_request, "http://h:1/metrics\nAccept: application/openmetr"));
    assert_non_null(strstr(fake_fetch_request, "escaping=allow-utf-8"));
    assert_non_null(strstr(fake_fetch_request, "\nX-Prometheus-Scrape-Timeout-Seconds: 2.500"));
    fetch_cancel(fetch);
}

static void an_answer_is_judged_by_status_and_type(void **state)
{
    struct fetch_result result = {.status = 200, .content_type = STR("text/plain")};
    enum expo_format format;
    struct err err;

    (void)state;
    assert_ok(scrape_judge(&result, &format, &err), err);
    assert_int_equal(format, EXPO_TEXT);
    result.content_type = STR("text/html");
    assert_fails(scrape_judge(&result, &format, &err), err, ERR_TYPE, "a web page (HTML)");
    result.status = 404;
    assert_fails(scrape_judge(&result, &format, &err), err, ERR_EVAL,
                 "HTTP status 404; check the path");
    result.status = 401;
    assert_fails(scrape_judge(&result, &format, &err), err, ERR_EVAL, "it wants credentials");
    result.status = 0;
    (void)err_set(&result.err, ERR_OS, "nothing listens on h:1");
    assert_fails(scrape_judge(&result, &format, &err), err, ERR_OS, "nothing listens");
}

static void a_parse_error_names_and_quotes_its_line(void **state)
{
    struct emit emit = {.family = ignore_family, .sample = ignore_sample};
    SCOPED(arena_fini) struct arena scratch;
    struct err err;

    (void)state;
    arena_init(&scratch, NULL);
    assert_fails(scrape_parse(STR("a 1\nb{c=d} 1\ne 1\n"), EXPO_TEXT, &scratch, &emit, &err), err,
                 ERR_SYNTAX,
                 "line 2, column 5: expected a label value in double quotes, got 'd'; the line is: "
                 "b{c=d} 1");
    assert_fails(scrape_parse(STR("a"), EXPO_TEXT, &scratch, &emit, &err), err, ERR_SYNTAX,
                 "the line is: a");
    assert_fails(scrape_parse(STR("a 1\n"), EXPO_OPENMETRICS, &scratch, &emit, &err), err,
                 ERR_SYNTAX, "line 2, column 1: the text ends without \"# EOF\"");
    assert_fails(scrape_parse(STR("a 1\nb\0c 1\n"), EXPO_TEXT, &scratch, &emit, &err), err,
                 ERR_SYNTAX, "line 2 holds a zero byte: this is no text; before it stands: b");
    assert_ok(scrape_parse(STR("a 1\n"), EXPO_TEXT, &scratch, &emit, &err), err);
}

static void json_is_told_with_a_mapping_for_it(void **state)
{
    static const char body[] =
        "{\"name\": \"x\", \"queue\": 3, \"gpu\": {\"used gb\": 4, \"busy\": "
        "true, \"mem\": {\"used\": 1.5}}, \"more\": 7}";
    struct fetch_result result = {
        .status = 200, .content_type = STR("application/json"), .body = str_c(body)};
    SCOPED(arena_fini) struct arena scratch;
    struct emit emit = {.family = ignore_family, .sample = ignore_sample};
    enum expo_format format;
    struct err err;

    (void)state;
    arena_init(&scratch, NULL);
    assert_fails(scrape_judge(&result, &format, &err), err, ERR_TYPE,
                 "JSON, no exposition; collect.json reads it: {url: ..., metrics: "
                 "{queue: queue, gpu_busy: gpu.busy, gpu_mem_used: gpu.mem.used}}");
    /* whatever type it has */
    assert_fails(scrape_parse(result.body, EXPO_TEXT, &scratch, &emit, &err), err, ERR_TYPE,
                 "{queue: queue, ");
    result.body = STR("{\"name\": \"x\"}");
    assert_fails(scrape_judge(&result, &format, &err), err, ERR_TYPE, "JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_asks_for_openmetrics_first_and_names_its_timeout),
        cmocka_unit_test(an_answer_is_judged_by_status_and_type),
        cmocka_unit_test(a_parse_error_names_and_quotes_its_line),
        cmocka_unit_test(json_is_told_with_a_mapping_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
