/* Scrape jobs: as Prometheus has them. */
#include "base/test.h"

#include <stdio.h>

#include "base/str.h"
#include "collect/entry_settings.h"
#include "config/config.h"
#include "config/test_given.h"
#include "http/client_settings.h"
#include "model/labels.h"
#include "text/yaml.h"

static struct str address_of(const struct scrape_job *job, size_t group, size_t target)
{
    return labels_get(job->static_groups[group].targets[target], STR("__address__"));
}

static void jobs_arrive_with_their_groups(void **state)
{
    struct config *c =
        given(PROMETHEUS, "global: {scrape_interval: 15s, evaluation_interval: 30s,\n"
                          "         external_labels: {site: lab}}\n"
                          "scrape_configs:\n"
                          "- job_name: a\n"
                          "  static_configs:\n"
                          "  - targets: ['h:1', 'h:2']\n"
                          "    labels: {zone: eu, env: test}\n"
                          "  - targets: ['h:4']\n"
                          "- job_name: b\n"
                          "  scrape_interval: 5s\n"
                          "  metrics_path: /m\n"
                          "  scheme: https\n"
                          "  honor_labels: true\n"
                          "  honor_timestamps: false\n"
                          "  follow_redirects: false\n"
                          "  enable_compression: false\n"
                          "  params: {module: [http 2xx], a: [y, x]}\n"
                          "  static_configs: [{targets: ['h:3']}]\n");
    const struct scrape_job *a = &c->jobs[0], *b = &c->jobs[1];

    (void)state;
    assert_int_equal(c->jobs_n, 2);
    assert_string_equal(a->name, "a");
    assert_int_equal(a->static_groups_n, 2);
    assert_int_equal(a->static_groups[0].targets_n, 2);
    assert_true(str_eq(address_of(a, 0, 1), STR("h:2")));
    assert_true(str_eq(address_of(a, 1, 0), STR("h:4")));
    assert_true(str_eq(labels_get(a->static_groups[0].labels, STR("zone")), STR("eu")));
    assert_string_not_equal(a->static_groups[0].source, a->static_groups[1].source);
    assert_string_equal(a->scheme, "http");
    assert_string_equal(a->metrics_path, "/metrics");
    assert_int_equal(a->interval_ms, 15000);
    assert_int_equal(a->timeout_ms, 10000);
    assert_true(a->honor_timestamps && !a->honor_labels);
    assert_true(a->client->follow_redirects && a->client->compression);
    assert_int_equal(b->interval_ms, 5000);
    assert_int_equal(b->timeout_ms, 5000);
    assert_string_equal(b->metrics_path, "/m");
    assert_string_equal(b->scheme, "https");
    assert_true(b->honor_labels && !b->honor_timestamps);
    assert_false(b->client->follow_redirects || b->client->compression);
    assert_int_equal(b->params_n, 3);
    assert_true(str_eq(b->params[0].name, STR("a")) && str_eq(b->params[0].value, STR("y")));
    assert_true(str_eq(b->params[1].name, STR("a")) && str_eq(b->params[1].value, STR("x")));
    assert_true(str_eq(b->params[2].value, STR("http 2xx")));
    assert_int_equal(c->evaluation_interval_ms, 30000);
    assert_int_equal(c->external_labels_n, 1);
    assert_string_equal(c->external_labels[0].value, "lab");
    config_free(c);
}

static void limits_come_from_the_job_or_from_global(void **state)
{
    struct config *c =
        given(PROMETHEUS, "global: {sample_limit: 1, label_limit: 2, label_name_length_limit: 3,\n"
                          "         label_value_length_limit: 4, target_limit: 5,\n"
                          "         body_size_limit: 6KB, keep_dropped_targets: 7}\n"
                          "scrape_configs:\n"
                          "- job_name: a\n"
                          "- job_name: b\n"
                          "  sample_limit: 10\n"
                          "  label_limit: 0\n"
                          "  body_size_limit: 1MB\n"
                          "  keep_dropped_targets: 8\n");
    const struct scrape_limits *a = &c->jobs[0].limits, *b = &c->jobs[1].limits;

    (void)state;
    assert_int_equal(a->samples, 1);
    assert_int_equal(a->labels, 2);
    assert_int_equal(a->label_name_bytes, 3);
    assert_int_equal(a->label_value_bytes, 4);
    assert_int_equal(a->targets, 5);
    assert_int_equal(a->body_bytes, 6 << 10);
    assert_int_equal(c->jobs[0].keep_dropped_targets, 7);
    assert_int_equal(b->samples, 10);
    assert_int_equal(b->labels, 2); /* 0 is "not given" */
    assert_int_equal(b->body_bytes, 1 << 20);
    assert_int_equal(c->jobs[1].keep_dropped_targets, 8);
    config_free(c);
}

static void relabelling_rules_are_read(void **state)
{
    struct config *c =
        given(PROMETHEUS, "scrape_configs:\n"
                          "- job_name: a\n"
                          "  relabel_configs:\n"
                          "  - {source_labels: [a, b], separator: '-', target_label: c}\n"
                          "  - {action: HashMod, source_labels: [a], target_label: h,\n"
                          "     modulus: 8}\n"
                          "  - {regex: , target_label: x, replacement: }\n"
                          "  metric_relabel_configs:\n"
                          "  - {action: drop, source_labels: [__name__], regex: go_.*}\n");
    const struct relabel_rule *rules = c->jobs[0].relabel.items;

    (void)state;
    assert_int_equal(c->warnings_n, 0);
    assert_int_equal(c->jobs[0].relabel.n, 3);
    assert_int_equal(rules[0].action, RELABEL_REPLACE);
    assert_int_equal(rules[0].source_n, 2);
    assert_true(str_eq(rules[0].separator, STR("-")));
    assert_true(str_eq(rules[0].replacement, STR("$1")));
    assert_int_equal(rules[1].action, RELABEL_HASHMOD);
    assert_int_equal(rules[1].modulus, 8);
    assert_int_equal(rules[2].replacement.n, 0); /* without a value: empty, not the default */
    assert_int_equal(c->jobs[0].metric_relabel.n, 1);
    assert_int_equal(c->jobs[0].metric_relabel.items[0].action, RELABEL_DROP);
    config_free(c);
}

static void wrong_rules_are_told_at_the_key_to_blame(void **state)
{
    static const char job[] = "scrape_configs:\n- job_name: a\n";
    static const char *const cases[][2] = {
        {"  relabel_configs: [{action: kep}]",
         "f.yml:3:30: unknown relabel action \"kep\" (did you mean \"keep\"?)"},
        {"  relabel_configs:\n  - target_label: a\n    regex: '('",
         "f.yml:5:12: regex: regular expression: missing ): ("},
        {"  relabel_configs:\n  - replacement: a",
         "f.yml:4:5: relabel action replace wants a target_label"},
        {"  metric_relabel_configs:\n  - action: labeldrop\n    source_labels: [a]",
         "f.yml:5:20: relabel action labeldrop takes no source_labels"},
        {"  metric_relabel_configs:\n  - {action: hashmod, target_label: a, modulus: 0}",
         "f.yml:4:49: relabel action hashmod wants a modulus above 0"},
        {"  relabel_configs:\n  - {source_labels: [''], target_label: a}",
         "source_labels: a label's name is not empty"},
        {"  relabel_configs:\n  -", "empty entry in relabel_configs"},
        {"  metric_name_validation_scheme: legacy\n"
         "  relabel_configs: [{target_label: a-b, replacement: x}]",
         "target_label \"a-b\" is not a label name"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[400];

        (void)snprintf(text, sizeof text, "%s%s\n", job, cases[i][0]);
        assert_mistake(PROMETHEUS, text, cases[i][1]);
    }
}

static uint64_t fingerprint_of(const char *text)
{
    struct config *c = given(PROMETHEUS, text);
    uint64_t fingerprint = c->jobs[0].fingerprint;

    config_free(c);
    return fingerprint;
}

static void a_fingerprint_changes_with_the_job_and_its_defaults_only(void **state)
{
    uint64_t first = fingerprint_of("scrape_configs: [{job_name: a, honor_labels: true}]");

    (void)state;
    assert_true(first == fingerprint_of("# moved\nglobal: {evaluation_interval: 5s}\n"
                                        "scrape_configs:\n- job_name: a\n  honor_labels: true\n"
                                        "- job_name: b\n"));
    assert_false(first == fingerprint_of("scrape_configs: [{job_name: a, honor_labels: false}]"));
    assert_false(first == fingerprint_of("scrape_configs: [{job_name: c, honor_labels: true}]"));
    assert_false(first == fingerprint_of("scrape_configs: [{job_name: a, honor_labels: true,\n"
                                         "                  bearer_token: x}]"));
    assert_false(first == fingerprint_of("global: {sample_limit: 5}\n"
                                         "scrape_configs: [{job_name: a, honor_labels: true}]"));
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
    struct config *c =
        given(PROMETHEUS, "storage: {tsdb: {out_of_order_time_window: 10m}}\n"
                          "rule_files: [a.yml]\n"
                          "scrape_config_files: [none-*.yml]\n"
                          "scrape_configs:\n"
                          "- job_name: a\n"
                          "  basic_auth: {username: u, password_ref: x}\n"
                          "  consul_sd_configs: [{server: x}]\n"
                          "- job_name: b\n"
                          "  oauth2: {client_id: i, token_url: 'http://t/', grant_type: jwt}\n"
                          "remote_write: [{url: 'http://w/', basic_auth: {password_ref: x}}]\n");

    (void)state;
    assert_int_equal(c->warnings_n, 7);
    assert_int_equal(c->warnings[0].at.line, 1);
    assert_true(warned(c, "rule_files is not served by this version: no rule is evaluated"));
    assert_int_equal(c->warnings[2].at.line, 3);
    assert_true(warned(c, "scrape_config_files: no file is there"));
    assert_true(warned(c, "password_ref is not served by this version: no secret is taken"));
    assert_true(warned(c, "consul_sd_configs is not served by this version: no target is found"));
    assert_true(warned(c, "grant_type \"jwt\" is not served by this version"));
    assert_null(c->jobs[1].client->oauth2);
    config_free(c);
}

/* --- clients ------------------------------------------------------------------------------------
 */

static void assert_secret(struct client_secret s, const char *text, const char *file)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", given_folder, file ? file : "");
    if (text)
        assert_string_equal(s.text, text);
    else
        assert_null(s.text);
    if (file)
        assert_string_equal(s.file, file[0] == '/' ? file : path);
    else
        assert_null(s.file);
}

static void a_job_says_how_its_targets_are_asked(void **state)
{
    struct config *c = given(
        PROMETHEUS,
        "scrape_configs:\n"
        "- job_name: a\n"
        "  scheme: https\n"
        "  basic_auth: {username: u, password_file: sub/pw}\n"
        "  tls_config: {ca_file: /etc/ca.pem, cert_file: ./c.pem, key: 'PEM', server_name: n,\n"
        "               min_version: TLS12, max_version: TLS13, insecure_skip_verify: true}\n"
        "  proxy_url: http://u:p@proxy:3128\n"
        "  no_proxy: .lan\n"
        "  proxy_connect_header: {X-A: [one, two]}\n"
        "  http_headers:\n"
        "    X-B: {values: [v], secrets: [s], files: [h]}\n"
        "    X-C:\n"
        "  follow_redirects: false\n"
        "  enable_compression: false\n"
        "- job_name: b\n");
    const struct client_settings *a = c->jobs[0].client, *b = c->jobs[1].client;

    (void)state;
    assert_int_equal(c->warnings_n, 0);
    assert_true(a->has_basic_auth && !a->authorization_type && !a->oauth2);
    assert_secret(a->username, "u", NULL);
    assert_secret(a->password, NULL, "sub/pw");
    assert_secret(a->tls.ca, NULL, "/etc/ca.pem");
    assert_secret(a->tls.cert, NULL, "c.pem");
    assert_secret(a->tls.key, "PEM", NULL);
    assert_string_equal(a->tls.server_name, "n");
    assert_int_equal(a->tls.min, TLS_1_2);
    assert_int_equal(a->tls.max, TLS_1_3);
    assert_true(a->tls.insecure_skip_verify);
    assert_string_equal(a->proxy.url, "http://u:p@proxy:3128");
    assert_string_equal(a->proxy.no_proxy, ".lan");
    assert_int_equal(a->proxy.connect_headers_n, 2);
    assert_string_equal(a->proxy.connect_headers[1].name, "X-A");
    assert_secret(a->proxy.connect_headers[1].value, "two", NULL);
    assert_int_equal(a->headers_n, 3);
    assert_string_equal(a->headers[2].name, "X-B");
    assert_secret(a->headers[0].value, "v", NULL);
    assert_secret(a->headers[1].value, "s", NULL);
    assert_secret(a->headers[2].value, NULL, "h");
    assert_false(a->follow_redirects || a->compression);
    assert_true(b->follow_redirects && b->compression);
    assert_false(b->has_basic_auth || b->authorization_type || b->oauth2 || b->proxy.url ||
                 b->proxy.from_environment || b->tls.min || b->tls.max || b->headers_n);
    config_free(c);
}

static void tokens_are_read_in_every_way_to_write_them(void **state)
{
    struct config *c =
        given(PROMETHEUS,
              "scrape_configs:\n"
              "- {job_name: a, authorization: {credentials: t}}\n"
              "- {job_name: b, authorization: {type: ' Token ', credentials_file: t}}\n"
              "- {job_name: c, bearer_token: t}\n"
              "- {job_name: d, bearer_token_file: t, bearer_token: ''}\n"
              "- job_name: e\n"
              "  oauth2: {client_id: i, client_secret_file: s, token_url: 'http://t/',\n"
              "           scopes: [x, y], endpoint_params: {audience: z}, proxy_url: 'http://p',\n"
              "           tls_config: {ca_file: ca}}\n"
              "- {job_name: f, proxy_from_environment: true}\n");
    const struct client_oauth2 *o = c->jobs[4].client->oauth2;

    (void)state;
    assert_string_equal(c->jobs[0].client->authorization_type, "Bearer");
    assert_secret(c->jobs[0].client->authorization, "t", NULL);
    assert_string_equal(c->jobs[1].client->authorization_type, "Token");
    assert_secret(c->jobs[1].client->authorization, NULL, "t");
    assert_string_equal(c->jobs[2].client->authorization_type, "Bearer");
    assert_secret(c->jobs[2].client->authorization, "t", NULL);
    assert_secret(c->jobs[3].client->authorization, NULL, "t");
    assert_string_equal(o->client_id, "i");
    assert_secret(o->client_secret, NULL, "s");
    assert_string_equal(o->token_url, "http://t/");
    assert_string_equal(o->scopes, "x y");
    assert_int_equal(o->params_n, 1);
    assert_string_equal(o->params[0].name, "audience");
    assert_string_equal(o->proxy.url, "http://p");
    assert_secret(o->tls.ca, NULL, "ca");
    assert_true(c->jobs[5].client->proxy.from_environment);
    config_free(c);
}

static void contradictions_of_a_client_are_told(void **state)
{
    static const char *const cases[][2] = {
        {"basic_auth: {password: a, password_file: b}",
         "3:44: give password or password_file, not both"},
        {"basic_auth: {username_file: a, username_ref: b}", "give username_file or username_ref"},
        {"basic_auth: {}\n  authorization: {}", "4:18: give basic_auth or authorization, not both"},
        {"bearer_token: a\n  bearer_token_file: b", "give bearer_token or bearer_token_file"},
        {"authorization: {type: basic}", "type cannot be \"basic\"; use basic_auth"},
        {"authorization: {type: \"a\\nb\"}", "authorization: type is a word like Bearer"},
        {"authorization: {credentials: a, credentials_file: b}", "give credentials or"},
        {"tls_config: {cert_file: a}", "3:15: tls_config: a certificate wants key or key_file"},
        {"tls_config: {key: a}", "tls_config: a key wants cert or cert_file"},
        {"tls_config: {ca: a, ca_file: b}", "give ca or ca_file, not both"},
        {"tls_config: {min_version: TLS1.2}", "min_version: unknown TLS version \"TLS1.2\""},
        {"tls_config: {min_version: TLS13, max_version: TLS12}",
         "max_version is lower than min_version"},
        {"http_headers: {host: {values: [a]}}", "3:18: host is a reserved header"},
        {"http_headers: {X-Prometheus-Scrape-Timeout-Seconds: }", "is a reserved header"},
        {"http_headers: {'a b': {values: [a]}}", "\"a b\" is not a header's name"},
        {"http_headers: {a: {value: [a]}}", "did you mean \"values\"?"},
        {"http_headers: {a: b}", "a header of http_headers"},
        {"no_proxy: a", "no_proxy means nothing without proxy_url"},
        {"proxy_connect_header: {a: [b]}", "proxy_connect_header means nothing without"},
        {"proxy_from_environment: true\n  proxy_url: 'http://p'", "not both"},
        {"oauth2: {client_id: a}", "oauth2: token_url is missing"},
        {"oauth2: {token_url: 'http://a'}", "oauth2: client_id is missing"},
        {"oauth2: {client_id: a, token_url: b}", "token_url: expected a URL"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[400];

        (void)snprintf(text, sizeof text, "scrape_configs:\n- job_name: a\n  %s\n", cases[i][0]);
        assert_mistake(PROMETHEUS, text, cases[i][1]);
    }
}

/* --- discovery ----------------------------------------------------------------------------------
 */

static void a_job_says_where_its_targets_are_found(void **state)
{
    struct config *c =
        given(PROMETHEUS, "scrape_configs:\n"
                          "- job_name: a\n"
                          "  file_sd_configs:\n"
                          "  - files: [t.json, /etc/t/*.YML]\n"
                          "  - {files: [sub/*.yaml], refresh_interval: 10s}\n"
                          "  http_sd_configs:\n"
                          "  - {url: 'http://u:geheim@sd/x', bearer_token: t}\n"
                          "  - {url: 'https://sd', refresh_interval: 5s}\n"
                          "  dns_sd_configs:\n"
                          "  - names: [_a._tcp.b, c]\n"
                          "  - {names: [d], type: aaaa, port: 9100, refresh_interval: 1m}\n");
    const struct scrape_job *job = &c->jobs[0];
    char path[100];

    (void)state;
    assert_int_equal(c->warnings_n, 0);
    assert_int_equal(job->files_n, 2);
    assert_int_equal(job->files[0].globs_n, 2);
    (void)snprintf(path, sizeof path, "%s/t.json", given_folder);
    assert_string_equal(job->files[0].globs[0], path);
    assert_string_equal(job->files[0].globs[1], "/etc/t/*.YML");
    assert_int_equal(job->files[0].refresh_ms, 300000);
    assert_int_equal(job->files[1].refresh_ms, 10000);
    assert_int_equal(job->https_n, 2);
    assert_string_equal(job->https[0].url, "http://u:geheim@sd/x");
    assert_string_equal(job->https[0].shown_url, "http://u:<secret>@sd/x");
    assert_string_equal(job->https[0].client->authorization_type, "Bearer");
    assert_int_equal(job->https[0].refresh_ms, 60000);
    assert_string_equal(job->https[1].shown_url, "https://sd");
    assert_int_equal(job->https[1].refresh_ms, 5000);
    assert_int_equal(job->dnss_n, 2);
    assert_int_equal(job->dnss[0].names_n, 2);
    assert_string_equal(job->dnss[0].names[1], "c");
    assert_int_equal(job->dnss[0].type, DNS_SRV);
    assert_int_equal(job->dnss[0].refresh_ms, 30000);
    assert_int_equal(job->dnss[1].type, DNS_AAAA);
    assert_int_equal(job->dnss[1].port, 9100);
    assert_int_equal(job->dnss[1].refresh_ms, 60000);
    config_free(c);
}

static void mistakes_of_a_discovery_are_told(void **state)
{
    static const char *const cases[][2] = {
        {"file_sd_configs: [{}]", "3:21: file_sd_configs: files is missing"},
        {"file_sd_configs: [{files: [a.txt]}]", "files: \"a.txt\" does not end in .json"},
        {"file_sd_configs: [{files: ['a*/b.json']}]", "than in its last part"},
        {"file_sd_configs: [{files: [a.yml], refresh_interval: 0s}]", "more than 0s"},
        {"http_sd_configs: [{refresh_interval: 1m}]", "http_sd_configs: url is missing"},
        {"http_sd_configs: [{url: 'ftp://u:geheim@x'}]", "http or https, found \"...\""},
        {"http_sd_configs: [{url: 'http://x', basic_auth: {}, oauth2: {}}]", "not both"},
        {"dns_sd_configs: [{type: A, port: 1}]", "dns_sd_configs: names is missing"},
        {"dns_sd_configs: [{names: [a], type: A}]", "type A wants a port"},
        {"dns_sd_configs: [{names: [a], type: TXT}]", "unknown type \"TXT\""},
        {"dns_sd_configs: [{names: [a], port: 65536}]", "port: 65536 is out of range"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[400];

        (void)snprintf(text, sizeof text, "scrape_configs:\n- job_name: a\n  %s\n", cases[i][0]);
        assert_mistake(PROMETHEUS, text, cases[i][1]);
    }
}

static void jobs_come_from_other_files_too(void **state)
{
    static const char main_file[] = "global: {scrape_interval: 7s}\n"
                                    "scrape_config_files: ['more-?.yml']\n"
                                    "scrape_configs: [{job_name: a}]\n";
    struct config *c;

    (void)state;
    (void)given_file("more-1.yml", STR("scrape_configs:\n"
                                       "- {job_name: b, bearer_token_file: t}\n"));
    c = given(PROMETHEUS, main_file);
    assert_int_equal(c->jobs_n, 2);
    assert_string_equal(c->jobs[1].name, "b");
    assert_int_equal(c->jobs[1].interval_ms, 7000);
    assert_secret(c->jobs[1].client->authorization, NULL, "t");
    config_free(c);
    (void)given_file("more-1.yml", STR("scrape_configs: [{job_name: a}]\n"));
    assert_mistake(PROMETHEUS, main_file,
                   "more-1.yml:1:29: job_name \"a\" is given twice, first in /");
    (void)given_file("more-1.yml", STR("scrape_configs: [{job_nam: c}]\nglobal: {}\n"));
    assert_mistake(PROMETHEUS, main_file, "more-1.yml:1:19: unknown key \"job_nam\"");
    assert_mistake(PROMETHEUS, main_file, "more-1.yml:2:1: unknown key \"global\"");
    assert_mistake(PROMETHEUS, "scrape_config_files: ['a*/b.yml']",
                   "invalid scrape config file path \"a*/b.yml\"");
}

static void the_number_of_exemplars_is_read(void **state)
{
    static const struct {
        const char *text;
        int64_t max;
    } cases[] = {
        {"{}", 100000},
        {"storage: {exemplars: {}}", 100000},
        {"storage: {exemplars: {max_exemplars: 7}}", 7},
        {"storage: {exemplars: {max_exemplars: 0}}", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config *c = given(PROMETHEUS, cases[i].text);

        assert_int_equal(c->exemplars_max, cases[i].max);
        assert_int_equal(c->warnings_n, 0);
        config_free(c);
    }
    assert_mistake(PROMETHEUS, "storage: {exemplars: {max_exemplars: many}}",
                   "max_exemplars: expected a whole number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_arrive_with_their_groups),
        cmocka_unit_test(limits_come_from_the_job_or_from_global),
        cmocka_unit_test(relabelling_rules_are_read),
        cmocka_unit_test(wrong_rules_are_told_at_the_key_to_blame),
        cmocka_unit_test(a_fingerprint_changes_with_the_job_and_its_defaults_only),
        cmocka_unit_test(a_timeout_longer_than_the_interval_is_a_mistake),
        cmocka_unit_test(mistakes_in_jobs_have_places_and_suggestions),
        cmocka_unit_test(what_prometheus_knows_and_we_do_not_serve_is_a_warning),
        cmocka_unit_test(a_job_says_how_its_targets_are_asked),
        cmocka_unit_test(tokens_are_read_in_every_way_to_write_them),
        cmocka_unit_test(contradictions_of_a_client_are_told),
        cmocka_unit_test(a_job_says_where_its_targets_are_found),
        cmocka_unit_test(mistakes_of_a_discovery_are_told),
        cmocka_unit_test(jobs_come_from_other_files_too),
        cmocka_unit_test(the_number_of_exemplars_is_read),
    };

    return cmocka_run_group_tests(tests, given_setup, given_teardown);
}
