#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "config/test_given.h"
#include "model/labels.h"

static void without_any_file_this_host_is_collected(void **state)
{
    struct config *c = NULL;
    struct err *errors;
    size_t n;

    (void)state;
    assert_int_equal(config_load(NULL, NULL, NULL, &c, &errors, &n), 0);
    assert_true(c->host.enabled);
    assert_string_equal(c->listen, "127.0.0.1:3277");
    assert_int_equal(c->retention_ms, INT64_C(90) * 86400000);
    assert_int_equal(c->events_retention_ms, INT64_C(90) * 86400000);
    assert_true(c->events_retention_bytes == UINT64_C(256) << 20);
    assert_int_equal(c->logs_retention_ms, INT64_C(14) * 86400000);
    assert_true(c->logs_retention_bytes == UINT64_C(2) << 30);
    assert_int_equal(c->host.interval_ms, 5000);
    assert_int_equal(c->jobs_n, 0);
    assert_null(c->data);
    config_free(c);
}

static void a_file_says_exactly_what_is_collected(void **state)
{
    struct config *c = given(EARSHOT, "listen: 127.0.0.1:1\n");

    (void)state;
    assert_false(c->host.enabled);
    config_free(c);
    c = given(PROMETHEUS, "global: {scrape_interval: 15s}\n");
    assert_false(c->host.enabled);
    config_free(c);
    c = given(EARSHOT, "collect: {host: {interval: 1s}}");
    assert_true(c->host.enabled);
    assert_int_equal(c->host.interval_ms, 1000);
    config_free(c);
    c = given(EARSHOT, "collect: {host: }");
    assert_true(c->host.enabled);
    config_free(c);
    c = given(EARSHOT, "packs: ['host: {}']");
    assert_true(c->host.enabled);
    config_free(c);
    c = given(EARSHOT, "");
    assert_false(c->host.enabled);
    config_free(c);
}

static void every_served_key_of_earshot_yml_arrives(void **state)
{
    struct config *c = given(
        EARSHOT, "listen: '[::1]:3277'\n"
                 "data: /var/lib/earshot\n"
                 "external_url: https://watch.example/x\n"
                 "allowed_hosts: [watch, watch.lan]\n"
                 "insecure: true\n"
                 "retention: {time: unlimited, size: 20GB, events: {time: 7d, size: unlimited},\n"
                 "  logs: {time: 3d, size: 1GB}}\n"
                 "collect:\n"
                 "  host: {job: box, interval: 2s, top: 5, psi: false,\n"
                 "         proc: /p, sys: /s, textfile_dir: /t, mounts_exclude: ^/x,\n"
                 "         fs_exclude: a, disks_exclude: b, nets_exclude: c}\n"
                 "  scrape:\n"
                 "  - {job_name: j, static_configs: [{targets: ['a:1']}]}\n");

    (void)state;
    assert_string_equal(c->listen, "[::1]:3277");
    assert_string_equal(c->data, "/var/lib/earshot");
    assert_string_equal(c->external_url, "https://watch.example/x");
    assert_int_equal(c->allowed_hosts_n, 2);
    assert_string_equal(c->allowed_hosts[1], "watch.lan");
    assert_true(c->insecure);
    assert_int_equal(c->retention_ms, 0);
    assert_true(c->retention_bytes == UINT64_C(20) << 30);
    assert_int_equal(c->events_retention_ms, INT64_C(7) * 86400000);
    assert_true(c->events_retention_bytes == 0);
    assert_int_equal(c->logs_retention_ms, INT64_C(3) * 86400000);
    assert_true(c->logs_retention_bytes == UINT64_C(1) << 30);
    assert_string_equal(c->host.job, "box");
    assert_int_equal(c->host.top, 5);
    assert_false(c->host.psi);
    assert_string_equal(c->host.proc, "/p");
    assert_string_equal(c->host.textfile_dir, "/t");
    assert_string_equal(c->host.nets_exclude, "c");
    assert_int_equal(c->jobs_n, 1);
    assert_int_equal(c->jobs[0].interval_ms, 60000);
    config_free(c);
}

static void what_is_kept_of_logs_has_bounds_of_its_own(void **state)
{
    struct config *c = given(EARSHOT, "retention: {logs: {time: unlimited, size: unlimited}}\n");

    (void)state;
    assert_int_equal(c->logs_retention_ms, 0);
    assert_int_equal(c->logs_retention_bytes, 0);
    config_free(c);
    assert_mistake(EARSHOT, "retention: {logs: {time: 1h}}\n", "retention.logs.time: at least 2h");
    assert_mistake(EARSHOT, "retention: {logs: {size: much}}\n", "retention.logs.size");
}

static void what_is_not_served_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "users: []\n", "users is not served by this version");
    assert_mistake(EARSHOT, "alerting: x.yml\n", "nobody would be told");
    config_free(given(EARSHOT, "collect: {probe: [{url: 'http://a/', audio: false}], "
                               "push: {otlp: false, statsd: off}}\n"));
    assert_mistake(EARSHOT, "collect: {push: {otlp: true}}\n", "otlp is not served");
    assert_mistake(EARSHOT, "beacon: {sessions_max: 0}\n", "sessions_max: 0 is out of range");
}

static void every_mistake_is_told_and_in_order(void **state)
{
    (void)state;
    assert_string_equal(given_load(EARSHOT,
                                   STR("lisen: 127.0.0.1:1\n"
                                       "retention: {time: 1h}\n"
                                       "collect:\n"
                                       "  host: {interval: 5, mounts_exclude: '('}\n"),
                                   NULL),
                        "f.yml:1:1: unknown key \"lisen\" in earshot.yml (did you mean "
                        "\"listen\"?)\n"
                        "f.yml:2:19: retention.time: at least 2h\n"
                        "f.yml:4:20: interval: \"5\" has no unit (write 5s or 5m)\n"
                        "f.yml:4:39: mounts_exclude: regular expression: missing ): (\n");
    assert_mistake(EARSHOT, "listen: 3277\n", "listen: expected address:port");
    assert_mistake(EARSHOT, "external_url: watch.example\n", "expected a URL with scheme http");
    assert_mistake(EARSHOT, "allowed_hosts: ['http://x']\n", "write names only");
    assert_mistake(EARSHOT, "collect: {host: {interval: 1ms}}\n", "at least 100ms");
    assert_mistake(EARSHOT, "[1, 2]\n", "expected a map of keys and values, found a list");
    assert_mistake(EARSHOT, "a: 1\na: 2\n", "f.yml:2:1: key \"a\" is given twice");
    assert_mistake(EARSHOT, "collect:\n\thost:\n", "f.yml:2:1: a tab cannot indent");
    assert_non_null(strstr(given_load(EARSHOT, STR("a\0b"), NULL), "f.yml:1:2: a NUL byte"));
}

static void a_file_that_cannot_be_read_is_one_clear_line(void **state)
{
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t n = 0;
    char line[600];

    (void)state;
    assert_int_equal(config_load("/nowhere/x.yml", NULL, NULL, &c, &errors, &n), -1);
    assert_int_equal(n, 1);
    assert_string_equal(err_format(&errors[0], line, sizeof line),
                        "/nowhere/x.yml: cannot be opened: No such file or directory");
    mem_free(errors);
    assert_int_equal(config_load("/", NULL, NULL, &c, &errors, &n), -1);
    assert_string_equal(err_format(&errors[0], line, sizeof line), "/: is a folder, not a file");
    mem_free(errors);
}

static void secrets_are_masked_wherever_they_stand(void **state)
{
    struct config *c = given(PROMETHEUS, "# a comment: geheim\n"
                                         "scrape_configs:\n"
                                         "- job_name: 'a b'\n"
                                         "  basic_auth: {username: u, password: \"ge\\u0068eim\"}\n"
                                         "  proxy_url: http://u:geheim@proxy:1/x\n"
                                         "  proxy_connect_header: {X-A: [geheim]}\n"
                                         "  http_headers: {X-B: {secrets: [geheim], values: [v]}}\n"
                                         "  params: {token: [geheim], empty: []}\n"
                                         "  static_configs:\n"
                                         "- job_name: b\n"
                                         "  authorization:\n"
                                         "    credentials: |\n"
                                         "      geheim\n"
                                         "    type: Bearer\n"
                                         "  bearer_token_file: \n"
                                         "  oauth2: \n");

    (void)state;
    if (strstr(c->prometheus_text, "geheim"))
        fail_msg("%s", c->prometheus_text);
    assert_string_equal(c->prometheus_text, "scrape_configs:\n"
                                            "  -\n"
                                            "    job_name: \"a b\"\n"
                                            "    basic_auth:\n"
                                            "      username: u\n"
                                            "      password: <secret>\n"
                                            "    proxy_url: \"http://u:<secret>@proxy:1/x\"\n"
                                            "    proxy_connect_header:\n"
                                            "      X-A:\n"
                                            "        - <secret>\n"
                                            "    http_headers:\n"
                                            "      X-B:\n"
                                            "        secrets:\n"
                                            "          - <secret>\n"
                                            "        values:\n"
                                            "          - v\n"
                                            "    params:\n"
                                            "      token:\n"
                                            "        - <secret>\n"
                                            "      empty: []\n"
                                            "    static_configs: null\n"
                                            "  -\n"
                                            "    job_name: b\n"
                                            "    authorization:\n"
                                            "      credentials: <secret>\n"
                                            "      type: Bearer\n"
                                            "    bearer_token_file: null\n"
                                            "    oauth2: null\n");
    /* What is shown can be read again. */
    {
        SCOPED(mem_freep) char *text = mem_strdup(c->prometheus_text);

        config_free(c);
        config_free(given(PROMETHEUS, text));
    }
}

static void a_mistake_is_shown_with_its_line_and_a_caret(void **state)
{
    const char *path = given_file("caret.yml", STR("a:\n  lisen: x\n"));
    struct config *c = NULL;
    struct err *errors = NULL;
    struct buf out;
    size_t n = 0;

    (void)state;
    assert_int_equal(config_load(path, NULL, NULL, &c, &errors, &n), -1);
    errors[0].at = (struct span){2, 3, 5};
    buf_init(&out, 0);
    config_print_error(&errors[0], &out);
    assert_non_null(strstr(out.p, "\n      lisen: x\n      ^~~~~\n"));
    buf_fini(&out);
    mem_free(errors);
}

static void a_line_with_a_secret_is_not_shown(void **state)
{
    static const struct {
        const char *line;
        bool shown;
    } cases[] = {{"url: 'postgresql://mon:geheim@h:x/d'", false},
                 {"url: 'postgresql://mon:ge/heim@h/d'", false},
                 {"- {urls: x, password: geheim}", false},
                 {"- {\"bearer_token\": geheim, nope: 1}", false},
                 {"password_file: geheim", true},
                 {"url: http://h/geheim", true},
                 {"labels: {who: geheim@h}", true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *path = given_file("caret.yml", str_c(cases[i].line));
        struct err e = {.kind = ERR_SYNTAX, .at = {1, 1, 1}, .text = "it is wrong"};
        struct buf out;

        (void)snprintf(e.file, sizeof e.file, "%s", path);
        buf_init(&out, 0);
        config_print_error(&e, &out);
        assert_non_null(strstr(out.p, "caret.yml:1:1: it is wrong\n"));
        if (!strstr(out.p, "heim") == cases[i].shown)
            fail_msg("%s: %s", cases[i].line, out.p);
        buf_fini(&out);
    }
}

static void past_a_hundred_mistakes_the_rest_is_counted(void **state)
{
    struct buf text;
    const char *found;

    (void)state;
    buf_init(&text, 0);
    for (int i = 0; i < 150; i++)
        buf_addf(&text, "zzzzzz%d: 1\n", i);
    found = given_load(EARSHOT, buf_str(&text), NULL);
    assert_non_null(strstr(found, "and 51 more"));
    buf_fini(&text);
}

/* The public hostile files: EARSHOT_HOSTILE names their folder, with MANIFEST.tsv in it. */
static void hostile_files_get_their_verdict(void **state)
{
    const char *root = getenv("EARSHOT_HOSTILE");
    char path[512], line[4096];
    FILE *manifest;
    int wrong = 0, seen = 0;

    (void)state;
    if (!root) {
        skip(); /* the public cases are not part of the repository */
        return;
    }
    (void)snprintf(path, sizeof path, "%s/MANIFEST.tsv", root);
    manifest = fopen(path, "r");
    assert_non_null(manifest);
    while (fgets(line, sizeof line, manifest)) {
        char *rest = line;
        const char *name = strsep(&rest, "\t"), *verdict = strsep(&rest, "\t"),
                   *scope = strsep(&rest, "\t");
        struct config *c = NULL;
        struct err *errors = NULL;
        size_t n = 0;
        bool taken;

        if (!scope || strncmp(name, "config/", 7) != 0 ||
            (strcmp(scope, "core") != 0 && strcmp(scope, "odd") != 0 && strcmp(scope, "sd") != 0))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", root, name);
        taken = config_load(NULL, path, NULL, &c, &errors, &n) == 0;
        seen++;
        if (taken != (strcmp(verdict, "valid") == 0)) {
            print_error("%s: wanted %s%s%s\n", name, verdict, taken ? "" : ", found ",
                        taken ? "" : errors[0].text);
            wrong++;
        }
        config_free(c);
        mem_free(errors);
    }
    (void)fclose(manifest);
    print_message("%d hostile files\n", seen);
    assert_true(seen > 0);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_file_this_host_is_collected),
        cmocka_unit_test(a_file_says_exactly_what_is_collected),
        cmocka_unit_test(every_served_key_of_earshot_yml_arrives),
        cmocka_unit_test(what_is_kept_of_logs_has_bounds_of_its_own),
        cmocka_unit_test(what_is_not_served_is_refused_with_its_place),
        cmocka_unit_test(every_mistake_is_told_and_in_order),
        cmocka_unit_test(a_file_that_cannot_be_read_is_one_clear_line),
        cmocka_unit_test(secrets_are_masked_wherever_they_stand),
        cmocka_unit_test(a_mistake_is_shown_with_its_line_and_a_caret),
        cmocka_unit_test(a_line_with_a_secret_is_not_shown),
        cmocka_unit_test(past_a_hundred_mistakes_the_rest_is_counted),
        cmocka_unit_test(hostile_files_get_their_verdict),
    };

    return cmocka_run_group_tests(tests, given_setup, given_teardown);
}
