#include "base/test.h"

#include <jansson.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/logs/counts.h"
#include "collect/logs/logs_settings.h"
#include "collect/logs/patterns.h"
#include "model/emit.h"
#include "text/json.h"

/* Writes each sample that is not 0 as name{label="value",...} value; */
struct writer {
    struct emit emit;
    struct buf text;
};

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e;
    (void)family;
    (void)err;
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct writer *w = (struct writer *)e;

    (void)err;
    if (!(s->value > 0) && !(s->value < 0))
        return 0;
    buf_add(&w->text, s->name);
    for (size_t i = 0; i < s->labels_n; i++)
        buf_addf(&w->text, " %.*s", STR_ARGS(s->labels[i].value));
    buf_addf(&w->text, " = %g\n", s->value);
    return 0;
}

static void count(const struct logs_settings *settings, struct counts *counts, const char *line)
{
    SCOPED(arena_fini) struct arena a;
    const struct log_reading reading = {.format = LOG_AUTO};
    struct patterns_found found;
    struct patterns *patterns;
    struct log_record record;
    struct err err;

    arena_init(&a, NULL);
    assert_ok(patterns_new(settings, &patterns, &err), err);
    log_record_read(&reading, str_c(line), &a, &record);
    patterns_apply(patterns, &record, counts, &found);
    patterns_free(patterns);
}

static void check(const struct counts *counts, const char *wanted)
{
    SCOPED(arena_fini) struct arena a;
    struct writer w = {.emit = {.family = on_family, .sample = on_sample}};
    struct err err;

    arena_init(&a, NULL);
    assert_ok(counts_emit(counts, &w.emit, &a, &err), err);
    if (!str_eq(buf_str(&w.text), str_c(wanted)))
        fail_msg("%.*s", STR_ARGS(buf_str(&w.text)));
    buf_fini(&w.text);
}

static void check_lines(const struct logs_settings *settings, const char *const lines[], size_t n,
                        const char *wanted)
{
    struct counts *counts = counts_new(settings);

    for (size_t i = 0; i < n; i++)
        count(settings, counts, lines[i]);
    check(counts, wanted);
    counts_free(counts);
}

static void the_first_pattern_names_the_event_unless_it_says_to_go_on(void **state)
{
    const struct logs_pattern patterns[] = {
        {.event = STR("all"), .match = STR("a"), .severity = SEVERITY_INFO, .go_on = true},
        {.event = STR("first"), .match = STR("ab"), .severity = SEVERITY_ERROR},
        {.event = STR("second"), .match = STR("a"), .severity = SEVERITY_WARNING},
    };
    const struct logs_settings settings = {.patterns = patterns, .patterns_n = 3};
    const char *const lines[] = {"abc", "a", "x"};

    (void)state;
    check_lines(&settings, lines, 3,
                "earshot_log_lines_total info = 3\nearshot_log_events_total all info = 2\n"
                "earshot_log_events_total first error = 1\n"
                "earshot_log_events_total second warning = 1\n");
}

static void a_level_is_matched_as_the_line_has_it_too(void **state)
{
    const struct logs_match ours[] = {{STR("level"), STR("error")}};
    const struct logs_match theirs[] = {{STR("level"), STR("ERROR|50")}};
    const struct logs_pattern patterns[] = {
        {.event = STR("theirs"),
         .fields = theirs,
         .fields_n = 1,
         .severity = SEVERITY_INFO,
         .go_on = true},
        {.event = STR("ours"), .fields = ours, .fields_n = 1, .severity = SEVERITY_INFO}};
    const struct logs_settings settings = {.patterns = patterns, .patterns_n = 2};
    const char *const lines[] = {"{\"level\":\"ERROR\"}", "{\"level\":50}", "ERROR text"};

    (void)state;
    check_lines(&settings, lines, 3,
                "earshot_log_lines_total error = 3\n"
                "earshot_log_events_total theirs info = 2\n"
                "earshot_log_events_total ours info = 3\n");
}

static void the_level_is_the_line_s_own_then_that_of_its_event(void **state)
{
    const struct logs_pattern patterns[] = {
        {.event = STR("own"), .match = STR("own")},
        {.event = STR("given"), .match = STR("given"), .severity = SEVERITY_CRITICAL}};
    const struct logs_settings settings = {.patterns = patterns, .patterns_n = 2};
    const char *const lines[] = {"ERROR own", "own", "given", "WARNING given", "DEBUG own"};

    (void)state;
    check_lines(&settings, lines, 5,
                "earshot_log_lines_total debug = 1\nearshot_log_lines_total info = 1\n"
                "earshot_log_lines_total warning = 1\nearshot_log_lines_total error = 1\n"
                "earshot_log_lines_total critical = 1\nearshot_log_events_total own info = 2\n"
                "earshot_log_events_total own error = 1\n"
                "earshot_log_events_total given critical = 2\n");
}

static void a_pattern_looks_at_the_message_or_at_all_lines_or_at_fields(void **state)
{
    const struct logs_match fields[] = {{STR("level"), STR("error|critical")},
                                        {STR("a.b"), STR("[0-9]+")}};
    const struct logs_pattern patterns[] = {
        {.event = STR("all"), .match = STR("deep"), .all = true, .severity = SEVERITY_INFO},
        {.event = STR("message"), .match = STR("^deep"), .severity = SEVERITY_INFO},
        {.event = STR("fields"), .fields = fields, .fields_n = 2, .severity = SEVERITY_INFO}};
    const struct logs_settings settings = {.patterns = patterns, .patterns_n = 3};
    const char *const lines[] = {
        "x\n deep", "2025-03-04 08:00:01 INFO dee", "{\"level\":\"fatal\",\"a\":{\"b\":12}}",
        "{\"level\":\"error\",\"a\":{\"b\":\"12x\"}}", "{\"level\":\"error\"}"};

    (void)state;
    check_lines(&settings, lines, 5,
                "earshot_log_lines_total info = 2\nearshot_log_lines_total error = 2\n"
                "earshot_log_lines_total critical = 1\nearshot_log_events_total all info = 1\n"
                "earshot_log_events_total fields info = 1\n");
}

static void numbers_are_taken_with_their_units_and_text_is_none(void **state)
{
    const struct logs_value values[] = {{STR("gb"), QUANTITY_GB}, {STR("model"), QUANTITY_NUMBER}};
    const double buckets[] = {1, 10};
    const struct str labels[] = {STR("model")};
    const struct logs_histogram histogram = {.metric = STR("took_seconds"),
                                             .field = STR("took"),
                                             .unit = QUANTITY_DURATION,
                                             .buckets = buckets,
                                             .buckets_n = 2,
                                             .labels = labels,
                                             .labels_n = 1};
    const struct logs_pattern patterns[] = {
        {.event = STR("e"),
         .match = STR("(?P<gb>[0-9.]+)GB for (?P<model>\\S+) in (?P<took>\\S+)"),
         .severity = SEVERITY_INFO,
         .values = values,
         .values_n = 2,
         .histogram = &histogram}};
    const struct logs_settings settings = {.patterns = patterns, .patterns_n = 1};
    const char *const lines[] = {"2GB for a in 500ms", "1GB for a in 2m", "1.5GB for b in vain"};

    (void)state;
    check_lines(&settings, lines, 3,
                "earshot_log_lines_total info = 3\nearshot_log_events_total e info = 3\n"
                "earshot_log_value e gb = 1.61061e+09\ntook_seconds_bucket a 1 = 1\n"
                "took_seconds_bucket a 10 = 1\ntook_seconds_bucket a +Inf = 2\n"
                "took_seconds_sum a = 120.5\ntook_seconds_count a = 2\n");
}

/* "ID MODEL SECONDS", ! behind it where it failed; "" for a line that is the end of none. */
static const char *job_of(const struct logs_settings *settings, const char *line)
{
    static char said[100];
    SCOPED(arena_fini) struct arena a;
    const struct log_reading reading = {.format = LOG_AUTO};
    struct counts *counts = counts_new(settings);
    struct patterns_found found = {.job = false};
    struct patterns *patterns;
    struct log_record record;
    struct err err;

    arena_init(&a, NULL);
    assert_ok(patterns_new(settings, &patterns, &err), err);
    log_record_read(&reading, str_c(line), &a, &record);
    patterns_apply(patterns, &record, counts, &found);
    (void)snprintf(said, sizeof said, "%.*s %.*s %g%s", STR_ARGS(found.job_id),
                   STR_ARGS(found.job_model), found.job_s, found.job_failed ? "!" : "");
    patterns_free(patterns);
    counts_free(counts);
    return found.job ? said : "";
}

static void a_line_may_be_the_end_of_a_job(void **state)
{
    const struct logs_match ended[] = {{STR("event"), STR("ended")}};
    const struct logs_job text_job = {
        .took = STR("took"), .unit = QUANTITY_DURATION, .id = STR("id")};
    const struct logs_job field_job = {
        .took = STR("ms"), .unit = QUANTITY_MS, .id = STR("id"), .model = STR("model")};
    const struct logs_pattern patterns[] = {
        {.event = STR("done"),
         .match = STR("job (?P<id>\\S+) done in (?P<took>.+)"),
         .severity = SEVERITY_INFO,
         .job = &text_job},
        {.event = STR("failed"),
         .match = STR("job (?P<id>\\S+) failed"),
         .severity = SEVERITY_ERROR,
         .job = &text_job},
        {.event = STR("ended"), .fields = ended, .fields_n = 1, .job = &field_job},
        {.event = STR("other"), .match = STR("job")}};
    const struct logs_settings settings = {.patterns = patterns, .patterns_n = 4};

    (void)state;
    assert_string_equal(job_of(&settings, "job a1 done in 1 min 2 s"), "a1  62");
    assert_string_equal(job_of(&settings, "job a1 done in no time"), "a1  0");
    assert_string_equal(job_of(&settings, "job a2 failed"), "a2  0!");
    assert_string_equal(job_of(&settings,
                               "{\"event\":\"ended\",\"level\":\"error\",\"id\":7,\"model\":\"m\","
                               "\"ms\":1500}"),
                        "7 m 1.5!");
    assert_string_equal(job_of(&settings, "job a3"), "");
}

static void a_label_keeps_so_many_values_and_counts_the_others_together(void **state)
{
    const double buckets[] = {1};
    const struct str labels[] = {STR("id")};
    const struct logs_histogram histogram = {.metric = STR("h"),
                                             .field = STR("v"),
                                             .buckets = buckets,
                                             .buckets_n = 1,
                                             .labels = labels,
                                             .labels_n = 1};
    const struct logs_pattern patterns[] = {{.event = STR("e"),
                                             .match = STR("(?P<id>\\S+) (?P<v>\\d)"),
                                             .severity = SEVERITY_INFO,
                                             .histogram = &histogram}};
    const struct logs_settings settings = {.patterns = patterns, .patterns_n = 1};
    struct counts *counts = counts_new(&settings);
    struct writer w = {.emit = {.family = on_family, .sample = on_sample}};
    struct arena a;
    struct err err;

    (void)state;
    for (int i = 0; i < 105; i++) {
        char line[32];

        (void)snprintf(line, sizeof line, "id%d 1", i);
        count(&settings, counts, line);
    }
    arena_init(&a, NULL);
    assert_ok(counts_emit(counts, &w.emit, &a, &err), err);
    assert_non_null(strstr(w.text.p, "h_count id99 = 1\n"));
    assert_null(strstr(w.text.p, "h_count id100 = 1\n"));
    assert_non_null(strstr(w.text.p, "h_count other = 5\n"));
    arena_fini(&a);
    buf_fini(&w.text);
    counts_free(counts);
}

static void counts_go_on_where_their_state_was_written(void **state)
{
    const struct logs_value values[] = {{STR("n"), QUANTITY_NUMBER}};
    const struct logs_pattern patterns[] = {{.event = STR("e"),
                                             .match = STR("(?P<n>\\d+)"),
                                             .severity = SEVERITY_ERROR,
                                             .values = values,
                                             .values_n = 1}};
    const struct logs_settings settings = {.patterns = patterns, .patterns_n = 1};
    SCOPED(buf_fini) struct buf text = {0};
    struct counts *counts = counts_new(&settings);
    struct json_writer w;
    json_t *root = NULL;
    struct err err;

    (void)state;
    count(&settings, counts, "7");
    json_begin(&w, &text);
    json_begin_object(&w);
    counts_write(counts, &w);
    json_end_object(&w);
    counts_free(counts);
    counts = counts_new(&settings);
    assert_ok(json_read(buf_str(&text), &root, &err), err);
    counts_read(counts, root);
    json_decref(root);
    check(counts, "earshot_log_lines_total error = 1\nearshot_log_events_total e error = 1\n"
                  "earshot_log_value e n = 7\n");
    count(&settings, counts, "8");
    check(counts, "earshot_log_lines_total error = 2\nearshot_log_events_total e error = 2\n"
                  "earshot_log_value e n = 8\n");
    counts_free(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_pattern_names_the_event_unless_it_says_to_go_on),
        cmocka_unit_test(a_level_is_matched_as_the_line_has_it_too),
        cmocka_unit_test(the_level_is_the_line_s_own_then_that_of_its_event),
        cmocka_unit_test(a_pattern_looks_at_the_message_or_at_all_lines_or_at_fields),
        cmocka_unit_test(numbers_are_taken_with_their_units_and_text_is_none),
        cmocka_unit_test(a_line_may_be_the_end_of_a_job),
        cmocka_unit_test(a_label_keeps_so_many_values_and_counts_the_others_together),
        cmocka_unit_test(counts_go_on_where_their_state_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
