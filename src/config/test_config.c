#include "base/test.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"

static char folder[] = "/tmp/earshot-test-XXXXXX";

static const char *write_file(const char *name, struct str text)
{
    static char path[2][128];
    static int turn;
    char *p = path[turn++ % 2];
    FILE *f;

    (void)snprintf(p, sizeof path[0], "%s/%s", folder, name);
    f = fopen(p, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    assert_int_equal(fclose(f), 0);
    return p;
}

enum which { EARSHOT, PROMETHEUS };

/* All mistakes of a file, one a line, without the folder; "" when it is taken. Then *out is set. */
static const char *load(enum which which, struct str text, struct config **out)
{
    static char all[8000];
    const char *path = write_file("f.yml", text);
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t errors_n = 0, n = 0;

    all[0] = '\0';
    if (config_load(which == EARSHOT ? path : NULL, which == PROMETHEUS ? path : NULL, &c, &errors,
                    &errors_n) == 0) {
        if (out)
            *out = c;
        else
            config_free(c);
        return all;
    }
    assert_true(errors_n > 0);
    for (size_t i = 0; i < errors_n; i++) {
        char line[600];
        const char *shown = err_format(&errors[i], line, sizeof line);

        if (strncmp(shown, folder, strlen(folder)) == 0)
            shown += strlen(folder) + 1;
        n += (size_t)snprintf(all + n, sizeof all - n, "%s\n", shown);
    }
    mem_free(errors);
    return all;
}

static void assert_mistake(enum which which, const char *text, const char *expected)
{
    const char *found = load(which, str_c(text), NULL);

    if (!strstr(found, expected))
        fail_msg("expected \"%s\", found \"%s\"", expected, found);
}

static struct config *loaded(enum which which, const char *text)
{
    struct config *c = NULL;
    const char *mistakes = load(which, str_c(text), &c);

    if (!c)
        fail_msg("%s", mistakes);
    return c;
}

static void without_any_file_this_host_is_collected(void **state)
{
    struct config *c = NULL;
    struct err *errors;
    size_t n;

    (void)state;
    assert_int_equal(config_load(NULL, NULL, &c, &errors, &n), 0);
    assert_true(c->host.enabled);
    assert_string_equal(c->listen, "127.0.0.1:3277");
    assert_int_equal(c->retention_ms, INT64_C(90) * 86400000);
    assert_int_equal(c->host.interval_ms, 5000);
    assert_int_equal(c->targets_n, 0);
    assert_null(c->data);
    config_free(c);
}

static void a_file_says_exactly_what_is_collected(void **state)
{
    struct config *c = loaded(EARSHOT, "listen: 127.0.0.1:1\n");

    (void)state;
    assert_false(c->host.enabled);
    config_free(c);
    c = loaded(PROMETHEUS, "global: {scrape_interval: 15s}\n");
    assert_false(c->host.enabled);
    config_free(c);
    c = loaded(EARSHOT, "collect: {host: {interval: 1s}}");
    assert_true(c->host.enabled);
    assert_int_equal(c->host.interval_ms, 1000);
    config_free(c);
    c = loaded(EARSHOT, "collect: {host: }");
    assert_true(c->host.enabled);
    config_free(c);
    c = loaded(EARSHOT, "packs: [host]");
    assert_true(c->host.enabled);
    config_free(c);
    c = loaded(EARSHOT, "");
    assert_false(c->host.enabled);
    config_free(c);
}

static void every_served_key_of_earshot_yml_arrives(void **state)
{
    struct config *c =
        loaded(EARSHOT, "listen: '[::1]:3277'\n"
                        "data: /var/lib/earshot\n"
                        "external_url: https://watch.example/x\n"
                        "allowed_hosts: [watch, watch.lan]\n"
                        "insecure: true\n"
                        "retention: {time: unlimited, size: 20GB}\n"
                        "collect:\n"
                        "  host: {job: box, interval: 2s, top: 5, psi: false,\n"
                        "         proc: /p, sys: /s, mounts_exclude: ^/x,\n"
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
    assert_string_equal(c->host.job, "box");
    assert_int_equal(c->host.top, 5);
    assert_false(c->host.psi);
    assert_string_equal(c->host.proc, "/p");
    assert_string_equal(c->host.nets_exclude, "c");
    assert_int_equal(c->targets_n, 1);
    assert_int_equal(c->targets[0].interval_ms, 60000);
    config_free(c);
}

static void what_is_not_served_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "collect:\n  redis: [{url: x}]\n",
                   "f.yml:2:3: redis is not served by this version: scrape a redis_exporter");
    assert_mistake(EARSHOT, "packs: [host, soundbox]\n",
                   "f.yml:1:15: pack \"soundbox\" is not served by this version");
    assert_mistake(EARSHOT, "packs: [nope]\n", "no pack is called \"nope\"");
    assert_mistake(EARSHOT, "packs: [{host: {interval: 1s}}]\n", "parameters of the host pack");
    assert_mistake(EARSHOT, "users: []\n", "users is not served by this version");
    assert_mistake(EARSHOT, "alerting: x.yml\n", "nobody would be told");
}

static void every_mistake_is_told_and_in_order(void **state)
{
    (void)state;
    assert_string_equal(load(EARSHOT,
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
    assert_non_null(strstr(load(EARSHOT, STR("a\0b"), NULL), "f.yml:1:2: a NUL byte"));
}

static void a_file_that_cannot_be_read_is_one_clear_line(void **state)
{
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t n = 0;
    char line[600];

    (void)state;
    assert_int_equal(config_load("/nowhere/x.yml", NULL, &c, &errors, &n), -1);
    assert_int_equal(n, 1);
    assert_string_equal(err_format(&errors[0], line, sizeof line),
                        "/nowhere/x.yml: cannot be opened: No such file or directory");
    mem_free(errors);
    assert_int_equal(config_load("/", NULL, &c, &errors, &n), -1);
    assert_string_equal(err_format(&errors[0], line, sizeof line), "/: is a folder, not a file");
    mem_free(errors);
}

static void jobs_become_targets(void **state)
{
    struct config *c =
        loaded(PROMETHEUS, "global: {scrape_interval: 15s, evaluation_interval: 30s,\n"
                           "         external_labels: {site: lab}}\n"
                           "scrape_configs:\n"
                           "- job_name: a\n"
                           "  static_configs:\n"
                           "  - targets: ['h:1', 'h:2']\n"
                           "    labels: {zone: eu, env: test}\n"
                           "- job_name: b\n"
                           "  scrape_interval: 5s\n"
                           "  metrics_path: /m\n"
                           "  scheme: https\n"
                           "  honor_labels: true\n"
                           "  honor_timestamps: false\n"
                           "  follow_redirects: false\n"
                           "  body_size_limit: 1MB\n"
                           "  params: {module: [http 2xx], a: [x, y]}\n"
                           "  static_configs: [{targets: ['h:3']}]\n");

    (void)state;
    assert_int_equal(c->targets_n, 3);
    assert_string_equal(c->targets[1].job, "a");
    assert_string_equal(c->targets[1].address, "h:2");
    assert_string_equal(c->targets[1].scheme, "http");
    assert_string_equal(c->targets[1].metrics_path, "/metrics");
    assert_int_equal(c->targets[1].interval_ms, 15000);
    assert_int_equal(c->targets[1].timeout_ms, 10000);
    assert_true(c->targets[1].honor_timestamps && !c->targets[1].honor_labels);
    assert_true(c->targets[1].body_max == UINT64_C(256) << 20);
    assert_int_equal(c->targets[1].labels_n, 2);
    assert_string_equal(c->targets[1].labels[0].name, "env");
    assert_int_equal(c->targets[2].interval_ms, 5000);
    assert_int_equal(c->targets[2].timeout_ms, 5000);
    assert_string_equal(c->targets[2].metrics_path, "/m");
    assert_string_equal(c->targets[2].scheme, "https");
    assert_true(c->targets[2].honor_labels && !c->targets[2].honor_timestamps);
    assert_false(c->targets[2].follow_redirects);
    assert_true(c->targets[2].body_max == 1 << 20);
    assert_int_equal(c->targets[2].params_n, 3);
    assert_string_equal(c->targets[2].params[0], "a=x");
    assert_string_equal(c->targets[2].params[1], "a=y");
    assert_string_equal(c->targets[2].params[2], "module=http+2xx");
    assert_int_equal(c->evaluation_interval_ms, 30000);
    assert_int_equal(c->external_labels_n, 1);
    assert_string_equal(c->external_labels[0].value, "lab");
    config_free(c);
}

static void labels_with_underscores_steer_the_scrape(void **state)
{
    struct config *c =
        loaded(PROMETHEUS, "scrape_configs:\n"
                           "- job_name: a\n"
                           "  params: {a: [x, y], b: [z]}\n"
                           "  static_configs:\n"
                           "  - targets: ['h:1']\n"
                           "    labels: {__scheme__: https, __metrics_path__: /p,\n"
                           "             __param_a: 1, __param_c: '&', __scrape_interval__: 2s,\n"
                           "             __scrape_timeout__: 1s}\n");

    (void)state;
    assert_string_equal(c->targets[0].scheme, "https");
    assert_string_equal(c->targets[0].metrics_path, "/p");
    assert_int_equal(c->targets[0].interval_ms, 2000);
    assert_int_equal(c->targets[0].timeout_ms, 1000);
    assert_int_equal(c->targets[0].params_n, 4);
    assert_string_equal(c->targets[0].params[0], "a=1");
    assert_string_equal(c->targets[0].params[1], "a=y");
    assert_string_equal(c->targets[0].params[2], "b=z");
    assert_string_equal(c->targets[0].params[3], "c=%26");
    config_free(c);
    assert_mistake(PROMETHEUS,
                   "scrape_configs: [{job_name: a, static_configs: [{targets: ['h:1'], labels: "
                   "{__scheme__: ftp, __scrape_interval__: x, __scrape_timeout__: 2m}}]}]",
                   "__scheme__: expected http or https");
}

static void a_timeout_longer_than_the_interval_is_a_mistake(void **state)
{
    (void)state;
    assert_mistake(PROMETHEUS, "global: {scrape_interval: 5s, scrape_timeout: 6s}",
                   "f.yml:1:47: global: scrape_timeout 6s is longer than scrape_interval 5s");
    assert_mistake(PROMETHEUS, "scrape_configs: [{job_name: a, scrape_timeout: 2m}]",
                   "job \"a\": scrape_timeout 2m is longer than scrape_interval 1m");
}

static void mistakes_in_jobs_have_places_and_suggestions(void **state)
{
    (void)state;
    assert_mistake(
        PROMETHEUS, "scrape_configs:\n- job_nam: a\n",
        "f.yml:2:3: unknown key \"job_nam\" in a scrape job (did you mean \"job_name\"?)");
    assert_mistake(PROMETHEUS, "scrape_configs:\n- job_name: a\n- job_name: a\n",
                   "f.yml:3:13: job_name \"a\" is given twice, first in line 2");
    assert_mistake(PROMETHEUS, "scrape_configs: [{job_name: a, scheme: gopher}]",
                   "scheme: unknown word \"gopher\" (write http or https)");
    assert_mistake(PROMETHEUS,
                   "scrape_configs: [{job_name: a, static_configs: [{targets: ['http://h:1']}]}]",
                   "\"http://h:1\" is not a valid hostname");
    assert_mistake(PROMETHEUS, "scrape_configs: [{job_name: a, relabel_configs: [{action: kep}]}]",
                   "unknown relabel action \"kep\" (did you mean \"keep\"?)");
    assert_mistake(PROMETHEUS, "scrape_configs: [{job_name: a, sample_limit: many}]",
                   "sample_limit: expected a whole number");
}

static bool warned(const struct config *c, const char *words)
{
    for (size_t i = 0; i < c->warnings_n; i++) {
        if (strstr(c->warnings[i].text, words))
            return true;
    }
    return false;
}

static void what_prometheus_knows_and_we_do_not_serve_is_a_warning(void **state)
{
    struct config *c = loaded(PROMETHEUS, "storage: {tsdb: {out_of_order_time_window: 10m}}\n"
                                          "rule_files: [a.yml]\n"
                                          "scrape_configs:\n"
                                          "- job_name: a\n"
                                          "  basic_auth: {username: u, password: geheim}\n"
                                          "  relabel_configs: [{target_label: a, replacement: b}]\n"
                                          "  file_sd_configs: [{files: [x.json]}]\n"
                                          "  static_configs: [{targets: ['http://h:1', 'h:2']}]\n");

    (void)state;
    assert_int_equal(c->warnings_n, 6);
    assert_int_equal(c->warnings[0].at.line, 1);
    assert_true(warned(c, "rule_files is not served by this version: no rule is evaluated"));
    assert_true(warned(c, "basic_auth is not served by this version"));
    assert_true(warned(c, "relabel_configs is not served by this version"));
    assert_true(warned(c, "no target is found this way"));
    assert_true(warned(c, "target \"http://h:1\" is left out"));
    assert_int_equal(c->targets_n, 1);
    config_free(c);
}

static void secrets_are_masked_wherever_they_stand(void **state)
{
    struct config *c =
        loaded(PROMETHEUS, "# a comment: geheim\n"
                           "scrape_configs:\n"
                           "- job_name: 'a b'\n"
                           "  basic_auth: {username: u, password: \"ge\\u0068eim\"}\n"
                           "  proxy_url: http://u:geheim@proxy:1/x\n"
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
        config_free(loaded(PROMETHEUS, text));
    }
}

static void a_mistake_is_shown_with_its_line_and_a_caret(void **state)
{
    const char *path = write_file("caret.yml", STR("a:\n  lisen: x\n"));
    struct config *c = NULL;
    struct err *errors = NULL;
    struct buf out;
    size_t n = 0;

    (void)state;
    assert_int_equal(config_load(path, NULL, &c, &errors, &n), -1);
    errors[0].at = (struct span){2, 3, 5};
    buf_init(&out, 0);
    config_print_error(&errors[0], &out);
    assert_non_null(strstr(out.p, "\n      lisen: x\n      ^~~~~\n"));
    buf_fini(&out);
    mem_free(errors);
}

static void past_a_hundred_mistakes_the_rest_is_counted(void **state)
{
    struct buf text;
    const char *found;

    (void)state;
    buf_init(&text, 0);
    for (int i = 0; i < 150; i++)
        buf_addf(&text, "zzzzzz%d: 1\n", i);
    found = load(EARSHOT, buf_str(&text), NULL);
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
        taken = config_load(NULL, path, &c, &errors, &n) == 0;
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

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"f.yml", "caret.yml"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_file_this_host_is_collected),
        cmocka_unit_test(a_file_says_exactly_what_is_collected),
        cmocka_unit_test(every_served_key_of_earshot_yml_arrives),
        cmocka_unit_test(what_is_not_served_is_refused_with_its_place),
        cmocka_unit_test(every_mistake_is_told_and_in_order),
        cmocka_unit_test(a_file_that_cannot_be_read_is_one_clear_line),
        cmocka_unit_test(jobs_become_targets),
        cmocka_unit_test(labels_with_underscores_steer_the_scrape),
        cmocka_unit_test(a_timeout_longer_than_the_interval_is_a_mistake),
        cmocka_unit_test(mistakes_in_jobs_have_places_and_suggestions),
        cmocka_unit_test(what_prometheus_knows_and_we_do_not_serve_is_a_warning),
        cmocka_unit_test(secrets_are_masked_wherever_they_stand),
        cmocka_unit_test(a_mistake_is_shown_with_its_line_and_a_caret),
        cmocka_unit_test(past_a_hundred_mistakes_the_rest_is_counted),
        cmocka_unit_test(hostile_files_get_their_verdict),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
