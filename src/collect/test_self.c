/* test_self DOCS/metrics.md: the table in it must be that of metrics.def; with EARSHOT_WRITE_DOCS
 * set it is written anew. */
#include "base/test.h"

#include <ctype.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/process_stats.h"
#include "collect/push/remote_write.h"
#include "collect/self.h"
#include "http/server.h"
#include "sys/lanes.h"
#include "sys/loop.h"

/* Every row there is, whoever reads it. */
#define ROW(name, type, help, label, is, value) {#name, METRIC_##type, help, label, is, 0},
static const struct self_row all_rows[] = {
#define PROCESS      ROW
#define COLLECT      ROW
#define COST         ROW
#define REMOTE_WRITE ROW
#define GPU          ROW
#define JSON         ROW
#define LOGS         ROW
#define LOGSTORE     ROW
#define PUSH         ROW
#define HTTP         ROW
#define LANES        ROW
#define API          ROW
#define STATE        ROW
#define TSDB         ROW
#define CONFIG       ROW
#include "collect/metrics.def"
};

/* The fake server's answer. */
static int replied;
static char replied_type[100];
static struct buf replied_body;

struct str http_header(const struct http_request *r, const char *name)
{
    return r->headers_n && str_eq(r->headers[0].name, str_c(name)) ? r->headers[0].value : STR("");
}

void http_reply(struct http_request *r, int status, const char *content_type, struct str body)
{
    (void)r;
    replied = status;
    (void)snprintf(replied_type, sizeof replied_type, "%s", content_type);
    buf_reset(&replied_body);
    buf_add(&replied_body, body);
}

void http_reply_error(struct http_request *r, int status, const char *text)
{
    (void)r, (void)text;
    replied = status;
}

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
    (void)r, (void)name, (void)value;
}

void http_hold(struct http_request *r)
{
    (void)r;
}

void http_release(struct http_request *r)
{
    (void)r;
}

struct http_stats http_server_stats(const struct http_server *s)
{
    (void)s;
    return (struct http_stats){.requests = 12, .responses_by_class = {0, 0, 7, 0, 5}};
}

static void every_row_has_a_name_a_help_and_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all_rows); i++) {
        struct str name = str_c(all_rows[i].name), help = str_c(all_rows[i].help);
        bool is_total = str_ends(name, STR("_total"));

        assert_true(name_is_legacy_metric(name));
        assert_true(str_starts(name, STR("earshot_")) || str_starts(name, STR("process_")));
        assert_true(is_total == (all_rows[i].type == METRIC_COUNTER));
        assert_true((isupper((unsigned char)help.p[0]) || isdigit((unsigned char)help.p[0])) &&
                    str_ends(help, STR(".")));
        assert_true(!all_rows[i].label == !all_rows[i].is);
        for (size_t j = 0; j < i; j++) {
            bool same = strcmp(all_rows[j].name, all_rows[i].name) == 0;

            if (same) {
                assert_true(all_rows[i].is && all_rows[j].is &&
                            strcmp(all_rows[j].is, all_rows[i].is) != 0);
                assert_string_equal(all_rows[j].help, all_rows[i].help);
                assert_string_equal(all_rows[i - 1].name, all_rows[i].name); /* together */
            }
        }
    }
}

static void damage_shows_in_a_metric_that_says_corrupt(void **state)
{
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all_rows); i++)
        n += strstr(all_rows[i].name, "corrupt") != NULL;
    assert_int_equal(n, 5);
}

static void read_two(void *arg, struct self_rows *rows)
{
    (void)arg;
    SELF_ROW(x_total, COUNTER, "Exes.", "kind", "a", 1.5)
    SELF_ROW(x_total, COUNTER, "Exes.", "kind", "b", 2)
}

static void sections_are_written_with_one_head_a_family(void **state)
{
    struct self *self = self_new("1.2.3");
    SCOPED(buf_fini) struct buf out = {0};
    struct err err;

    (void)state;
    self_add(self, read_two, NULL);
    assert_ok(self_write(self, EXPO_TEXT, &out, &err), err);
    assert_non_null(strstr(out.p, "# TYPE earshot_build_info gauge\n"
                                  "earshot_build_info{version=\"1.2.3\"} 1\n"));
    assert_non_null(strstr(out.p, "# HELP x_total Exes.\n# TYPE x_total counter\n"
                                  "x_total{kind=\"a\"} 1.5\nx_total{kind=\"b\"} 2\n"));
    assert_non_null(strstr(out.p, "\nprocess_resident_memory_bytes "));
    self_free(self);
}

static void the_collector_emits_what_was_prepared_on_the_loop(void **state)
{
    struct self *self = self_new("1");
    struct collector collector = self_collector(self);
    SCOPED(buf_fini) struct buf out = {0};
    struct expo_writer writer;
    struct err err;

    (void)state;
    self_add(self, read_two, NULL);
    collector.prepare(collector.arg);
    expo_writer_init(&writer, EXPO_TEXT, &out);
    assert_ok(collector.collect(collector.arg, &writer.emit, NULL, &err), err);
    assert_non_null(strstr(out.p, "x_total{kind=\"b\"} 2\n"));
    self_free(self);
}

static void our_own_sections_are_there(void **state)
{
    SCOPED(buf_fini) struct buf out = {0};
    struct self *self = self_new("1");
    struct remote_write *rw;
    struct collect *collect;
    struct lanes *lanes;
    struct loop *loop;
    struct err err;

    (void)state;
    assert_ok(loop_new(&loop, &err), err);
    lanes = lanes_new(loop);
    assert_ok(collect_new(&(struct collect_context){.loop = loop}, &collect, &err), err);
    rw = remote_write_new(&(struct remote_write_context){.loop = loop});
    self_add_collect(self, collect);
    self_add_costs(self, collect);
    self_add_remote_write(self, rw);
    self_add_lanes(self, lanes);
    self_add_http(self, NULL);
    assert_ok(self_write(self, EXPO_TEXT, &out, &err), err);
    assert_non_null(strstr(out.p, "earshot_collect_targets{health=\"up\"} 0\n"));
    assert_null(strstr(out.p, "earshot_collector_"));
    assert_non_null(strstr(out.p, "earshot_remote_write_requests_total 0\n"));
    assert_non_null(strstr(out.p, "earshot_lane_threads{lane=\"query\"} "));
    assert_non_null(strstr(out.p, "earshot_http_requests_total 12\n"));
    assert_non_null(strstr(out.p, "earshot_http_responses_total{class=\"4xx\"} 5\n"));
    self_free(self);
    remote_write_free(rw);
    collect_free(collect);
    assert_int_equal(lanes_free(lanes), 0);
    loop_free(loop);
}

static void metrics_are_served_in_the_format_asked_for(void **state)
{
    struct self *self = self_new("1");
    SCOPED(arena_fini) struct arena arena;
    struct http_header accept = {STR("accept"), STR("application/openmetrics-text;q=1,*/*;q=0.1")};
    struct http_request request = {.arena = &arena};

    (void)state;
    arena_init(&arena, NULL);
    self_handle(&request, self);
    assert_int_equal(replied, 200);
    assert_non_null(strstr(replied_type, "version=0.0.4"));
    assert_null(strstr(replied_body.p, "# EOF"));
    request.headers = &accept;
    request.headers_n = 1;
    self_handle(&request, self);
    assert_non_null(strstr(replied_type, "openmetrics"));
    assert_non_null(strstr(replied_body.p, "# TYPE process_cpu_seconds counter\n"));
    assert_non_null(strstr(replied_body.p, "# EOF\n"));
    buf_fini(&replied_body);
    self_free(self);
}

static void the_kernels_line_about_a_process_is_read(void **state)
{
    static const char line[] = "42 (a b) c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 7 0 "
                               "1000 8192000 300 18446744073709551615 1 1 0\n";
    struct process_stats s = {0};

    (void)state;
    process_stats_parse(STR("42 (broken"), 100, 4096, 5000, &s);
    assert_true(s.cpu_seconds == 0);
    process_stats_parse(str_c(line), 100, 4096, 5000, &s);
    assert_true(s.cpu_seconds == 2 && s.threads == 7 && s.start_seconds == 5010);
    assert_true(s.virtual_bytes == 8192000 && s.resident_bytes == 300 * 4096);
    s = process_stats();
    assert_true(s.resident_bytes > 0 && s.start_seconds > 1e9 && s.open_fds >= 3 && s.max_fds > 0);
}

/* ---- docs ---- */

static void write_table(struct buf *out)
{
    buf_adds(out,
             "# Metrics of earshot itself\n\n"
             "Served at `/metrics` and stored like any target's, with `job=\"earshot\"`. Made "
             "from `src/collect/metrics.def`.\n\n"
             "| metric | type | labels | meaning |\n|---|---|---|---|\n"
             "| `earshot_build_info` | gauge | `version` | 1, with the version as a label. |\n");
    for (size_t i = 0; i < ARRAY_LEN(all_rows); i++) {
        const struct self_row *m = &all_rows[i];

        if (i && strcmp(m->name, m[-1].name) == 0)
            continue;
        buf_addf(out, "| `%s` | %s | ", m->name, metric_type_name(m->type));
        if (m->label)
            buf_addf(out, "`%s`", m->label);
        for (size_t j = i;
             m->label && j < ARRAY_LEN(all_rows) && strcmp(all_rows[j].name, m->name) == 0; j++)
            buf_addf(out, "%s %s", j > i ? "," : ":", all_rows[j].is);
        buf_addf(out, " | %s |\n", m->help);
    }
}

static const char *docs_path;

static void the_docs_hold_the_same_table(void **state)
{
    SCOPED(buf_fini) struct buf table = {0}, docs = {0};
    char block[4096];
    FILE *f;

    (void)state;
    write_table(&table);
    if (getenv("EARSHOT_WRITE_DOCS")) {
        f = fopen(docs_path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(table.p, 1, table.n, f), table.n);
        assert_int_equal(fclose(f), 0);
    }
    f = fopen(docs_path, "r");
    assert_non_null(f);
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        buf_add(&docs, (struct str){block, n});
    (void)fclose(f);
    if (!str_eq(buf_str(&docs), buf_str(&table)))
        fail_msg("%s is not that of metrics.def: run this test with EARSHOT_WRITE_DOCS=1",
                 docs_path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_a_name_a_help_and_its_place),
        cmocka_unit_test(damage_shows_in_a_metric_that_says_corrupt),
        cmocka_unit_test(sections_are_written_with_one_head_a_family),
        cmocka_unit_test(the_collector_emits_what_was_prepared_on_the_loop),
        cmocka_unit_test(our_own_sections_are_there),
        cmocka_unit_test(metrics_are_served_in_the_format_asked_for),
        cmocka_unit_test(the_kernels_line_about_a_process_is_read),
        cmocka_unit_test(the_docs_hold_the_same_table),
    };

    docs_path = argc > 1 ? argv[1] : "docs/metrics.md";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
