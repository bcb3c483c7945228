#include "base/arena.h"
#include "base/test.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "collect/celery/celery_settings.h"
#include "collect/entry_settings.h"
#include "collect/gpu/gpu_settings.h"
#include "collect/process/process_settings.h"
#include "collect/rabbitmq/rabbitmq_settings.h"
#include "collect/redis/redis_settings.h"
#include "collect/ssh/ssh_settings.h"
#include "config/config.h"
#include "http/client_settings.h"
#include "model/labels.h"
#include "text/yaml.h"

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

/* Each entry of `packs` is a text: what a pack asks for, as YAML. */
static int one_pack(struct arena *a, const struct yaml *packs, struct yaml_errors *errors,
                    struct yaml_errors *warnings, struct pack_uses *out, struct err *err)
{
    (void)errors;
    (void)warnings;
    out->items = arena_new_array(a, struct pack_use, packs->n, err);
    assert_non_null(out->items);
    for (size_t i = 0; i < packs->n; i++) {
        struct pack_use *use = &out->items[out->n++];

        *use = (struct pack_use){.name = "p", .at = &packs->items[i]};
        use->id = arena_printf(a, err, "p %zu", i);
        assert_int_equal(yaml_parse(a, "pack", packs->items[i].text, &use->collect, err), 0);
    }
    return 0;
}

/* All mistakes of a file, one a line, without the folder; "" when it is taken. Then *out is set. */
static const char *load(enum which which, struct str text, struct config **out)
{
    static char all[8000];
    const char *path = write_file("f.yml", text);
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t errors_n = 0, n = 0;

    all[0] = '\0';
    if (config_load(which == EARSHOT ? path : NULL, which == PROMETHEUS ? path : NULL, one_pack, &c,
                    &errors, &errors_n) == 0) {
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
    c = loaded(EARSHOT, "packs: ['host: {}']");
    assert_true(c->host.enabled);
    config_free(c);
    c = loaded(EARSHOT, "");
    assert_false(c->host.enabled);
    config_free(c);
}

static void every_served_key_of_earshot_yml_arrives(void **state)
{
    struct config *c = loaded(
        EARSHOT, "listen: '[::1]:3277'\n"
                 "data: /var/lib/earshot\n"
                 "external_url: https://watch.example/x\n"
                 "allowed_hosts: [watch, watch.lan]\n"
                 "insecure: true\n"
                 "retention: {time: unlimited, size: 20GB, events: {time: 7d, size: unlimited},\n"
                 "  logs: {time: 3d, size: 1GB}}\n"
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
    assert_int_equal(c->events_retention_ms, INT64_C(7) * 86400000);
    assert_true(c->events_retention_bytes == 0);
    assert_int_equal(c->logs_retention_ms, INT64_C(3) * 86400000);
    assert_true(c->logs_retention_bytes == UINT64_C(1) << 30);
    assert_string_equal(c->host.job, "box");
    assert_int_equal(c->host.top, 5);
    assert_false(c->host.psi);
    assert_string_equal(c->host.proc, "/p");
    assert_string_equal(c->host.nets_exclude, "c");
    assert_int_equal(c->jobs_n, 1);
    assert_int_equal(c->jobs[0].interval_ms, 60000);
    config_free(c);
}

static void a_redis_is_read_with_keys_in_its_databases(void **state)
{
    struct config *c = loaded(EARSHOT, "collect:\n"
                                       "  redis:\n"
                                       "    - url: rediss://:hunter2@box:7000/2\n"
                                       "      keys: [jobs, db5=jobs, 'a=b']\n"
                                       "      key_patterns: ['r:*']\n"
                                       "      latency: false\n"
                                       "      tls_config: {server_name: n}\n");
    const struct redis_settings *s = c->entries[0].own;

    (void)state;
    assert_int_equal(c->entries_n, 1);
    assert_string_equal(c->entries[0].kind, "redis");
    assert_string_equal(c->entries[0].name, "box:7000");
    assert_string_equal(c->entries[0].instance, "box:7000");
    assert_string_equal(c->entries[0].job.name, "redis");
    assert_int_equal(c->entries[0].job.interval_ms, 15000);
    assert_int_equal(c->entries[0].job.timeout_ms, 10000);
    assert_null(c->entries[0].url);
    assert_int_equal(s->keys_n, 3);
    assert_int_equal(s->keys[0].db, 2);
    assert_string_equal(s->keys[0].name, "jobs");
    assert_int_equal(s->keys[1].db, 5);
    assert_string_equal(s->keys[1].name, "jobs");
    assert_string_equal(s->keys[2].name, "a=b");
    assert_int_equal(s->patterns[0].db, 2);
    assert_true(s->commandstats);
    assert_false(s->latency);
    assert_string_equal(s->access.tls.server_name, "n");
    config_free(c);
}

static void the_url_of_a_redis_may_be_in_a_file(void **state)
{
    struct config *c;

    (void)state;
    (void)write_file("redis.url", STR("redis://:s@10.0.0.9/1\n"));
    c = loaded(EARSHOT, "collect: {redis: [{url_file: redis.url, keys: [a], name: main}]}\n");
    assert_string_equal(c->entries[0].name, "main");
    assert_string_equal(c->entries[0].instance, "10.0.0.9:6379");
    assert_int_equal(((const struct redis_settings *)c->entries[0].own)->keys[0].db, 1);
    config_free(c);
    assert_mistake(EARSHOT, "collect: {redis: [{url_file: not.there}]}\n",
                   "f.yml:1:30: url_file: cannot be opened");
}

static void mistakes_of_a_redis_are_told_with_their_place(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "collect:\n  redis:\n  - {keys: [a]}\n",
                   "f.yml:3:5: collect.redis: url is missing; write redis://127.0.0.1:6379");
    assert_mistake(EARSHOT, "collect:\n  redis:\n  - url: http://x\n",
                   "f.yml:3:10: url: it begins neither with redis://");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://h', first: {q: 10}}]}\n",
                   "first is not served by this version: nothing shows the first entries");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://:a@h', password: b}]}\n",
                   "a password is given twice");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://h', password: b, password_file: c}]}",
                   "give password or password_file, not both");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://h', tls_config: {ca_file: c}}]}\n",
                   "write rediss://");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://h', keys: ['db9999999=a']}]}\n",
                   "is written db3=name");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://h'}, {url: 'redis://h'}]}\n",
                   "two entries are called \"h:6379\"");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://h', keyz: []}]}\n",
                   "did you mean \"keys\"");
}

static void a_celery_is_read_with_its_default_queue(void **state)
{
    struct config *c =
        loaded(EARSHOT, "collect:\n"
                        "  celery:\n"
                        "    - {broker: 'redis://h/1', events: false}\n"
                        "    - {broker: 'unix:///s', queues: [a, b], instance: i}\n");
    const struct celery_settings *s = c->entries[0].own;

    (void)state;
    assert_int_equal(c->entries_n, 2);
    assert_string_equal(c->entries[0].job.name, "celery");
    assert_string_equal(c->entries[0].instance, "h:6379");
    assert_string_equal(s->broker.url.text, "redis://h/1");
    assert_int_equal(s->queues_n, 1);
    assert_string_equal(s->queues[0], "celery");
    s = c->entries[1].own;
    assert_string_equal(c->entries[1].instance, "i");
    assert_int_equal(s->queues_n, 2);
    assert_string_equal(s->queues[1], "b");
    config_free(c);
}

static void mistakes_of_a_celery_are_told_with_their_place(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "collect:\n  celery:\n  - {queues: [a]}\n",
                   "f.yml:3:5: collect.celery: broker is missing");
    assert_mistake(EARSHOT, "collect:\n  celery:\n  - broker: amqp://x\n",
                   "f.yml:3:13: broker: a RabbitMQ is asked by its management API: write http");
    assert_mistake(EARSHOT, "collect: {celery: [{broker: 'sentinel://h'}]}\n", "a Sentinel is not");
    assert_mistake(EARSHOT,
                   "collect: {celery: [{broker: 'redis://h', flower: '127.0.0.1:5555'}]}\n",
                   "flower: a URL, such as http://127.0.0.1:5555");
    assert_mistake(EARSHOT, "collect: {celery: [{broker: 'redis://h', results: 'x'}]}\n",
                   "results: ");
    assert_mistake(EARSHOT, "collect: {celery: [{broker: 'redis://h', stuck_after: soon}]}\n",
                   "stuck_after");
}

static void what_is_kept_of_logs_has_bounds_of_its_own(void **state)
{
    struct config *c = loaded(EARSHOT, "retention: {logs: {time: unlimited, size: unlimited}}\n");

    (void)state;
    assert_int_equal(c->logs_retention_ms, 0);
    assert_int_equal(c->logs_retention_bytes, 0);
    config_free(c);
    assert_mistake(EARSHOT, "retention: {logs: {time: 1h}}\n", "retention.logs.time: at least 2h");
    assert_mistake(EARSHOT, "retention: {logs: {size: much}}\n", "retention.logs.size");
}

static void a_flower_is_a_second_target_with_the_job_and_instance_of_its_celery(void **state)
{
    struct config *c = loaded(
        EARSHOT, "collect:\n"
                 "  celery:\n"
                 "  - {broker: 'redis://h', flower: 'http://me:p%40w@f:5555/', events: true,\n"
                 "     stuck_after: 1h, labels: {a: b}}\n");
    const struct entry_settings *broker = &c->entries[0], *flower = &c->entries[1];
    const struct celery_settings *s = broker->own;

    (void)state;
    assert_int_equal(c->entries_n, 2);
    assert_true(s->events && s->flower);
    assert_int_equal(s->stuck_after_ms, 3600000);
    assert_null(broker->url);
    assert_null(broker->endpoint);
    assert_string_equal(flower->url, "http://f:5555/metrics");
    assert_string_equal(flower->endpoint, "/metrics");
    assert_string_equal(flower->job.name, "celery");
    assert_string_equal(flower->instance, broker->instance);
    assert_ptr_equal(flower->labels, broker->labels);
    assert_true(flower->job.client->has_basic_auth);
    assert_string_equal(flower->job.client->username.text, "me");
    assert_string_equal(flower->job.client->password.text, "p@w");
    config_free(c);
}

static void a_rabbitmq_is_read_from_its_plug_in_or_from_its_management(void **state)
{
    struct config *c =
        loaded(EARSHOT, "collect:\n"
                        "  rabbitmq:\n"
                        "  - {queues: 'm.*'}\n"
                        "  - {url: 'http://guest:guest@r:15672'}\n"
                        "  celery: [{broker: 'http://guest:guest@r:15672/two', queues: [a]}]\n");
    const struct entry_settings *celery = &c->entries[0], *e = &c->entries[1];
    const struct celery_settings *s = celery->own;
    const struct rabbitmq_settings *r = e->own;

    (void)state;
    assert_int_equal(c->entries_n, 5);
    assert_string_equal(celery->url, "http://r:15672/api/queues?columns=name,vhost,messages_ready,"
                                     "messages_unacknowledged,consumers");
    assert_string_equal(celery->instance, "r:15672");
    assert_true(str_eq(s->amqp->vhost, STR("\\Qtwo\\E")));
    assert_string_equal(e->url, "http://127.0.0.1:15692/metrics/per-object");
    assert_true(str_eq(r->queues, STR("m.*")) && str_eq(r->vhost, STR(".*")));
    assert_string_equal(e[1].endpoint, "/api/queues");
    assert_string_equal(e[2].url,
                        "http://r:15672/api/nodes?columns=name,mem_alarm,disk_free_alarm");
    assert_string_equal(e[2].endpoint, "/api/nodes");
    assert_string_equal(e[3].endpoint, "/api/overview");
    for (size_t i = 1; i <= 3; i++) {
        assert_string_equal(e[i].job.name, "rabbitmq");
        assert_string_equal(e[i].instance, "r:15672");
        assert_string_equal(e[i].job.client->password.text, "guest");
    }
    config_free(c);
}

static void mistakes_of_a_rabbitmq_are_told_with_their_place(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "collect: {rabbitmq: [{queues: '('}]}\n", "queues: ");
    assert_mistake(EARSHOT, "collect: {celery: [{broker: 'http://r:15672', events: true}]}\n",
                   "workers are heard in a Redis only");
    assert_mistake(EARSHOT, "collect: {rabbitmq: [{url: '127.0.0.1:15692'}]}\n", "url");
}

static void what_is_not_served_is_refused_with_its_place(void **state)
{
    (void)state;
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
    assert_int_equal(config_load("/nowhere/x.yml", NULL, NULL, &c, &errors, &n), -1);
    assert_int_equal(n, 1);
    assert_string_equal(err_format(&errors[0], line, sizeof line),
                        "/nowhere/x.yml: cannot be opened: No such file or directory");
    mem_free(errors);
    assert_int_equal(config_load("/", NULL, NULL, &c, &errors, &n), -1);
    assert_string_equal(err_format(&errors[0], line, sizeof line), "/: is a folder, not a file");
    mem_free(errors);
}

static void hosts_have_a_place_and_what_is_collected_there_carries_their_name(void **state)
{
    struct config *c = NULL;

    (void)state;
    assert_string_equal(
        load(EARSHOT,
             STR("collect: {scrape: [{job_name: x}]}\n"
                 "hosts:\n"
                 "- {ssh: me@gpu-box, collect: {scrape: [{job_name: x}], json: [{url: "
                 "'http://127.0.0.1:1/j', metrics: {m: a}}]}}\n"
                 "- {ssh: '[fe80::1]:2222', name: b, identity_file: id, keepalive: {interval: 5s, "
                 "count: 2}, forward: [8000, 5555], os: windows}\n"),
             &c),
        "");
    assert_int_equal(c->hosts_n, 2);
    assert_string_equal(c->hosts[0].name, "gpu-box");
    assert_string_equal(c->hosts[0].user, "me");
    assert_string_equal(c->hosts[0].address, "gpu-box");
    assert_int_equal(c->hosts[0].port, 22);
    assert_int_equal(c->hosts[0].keepalive_ms, 30000);
    assert_int_equal(c->hosts[0].keepalive_count, 3);
    assert_null(c->hosts[0].known_hosts);
    assert_string_equal(c->hosts[1].address, "fe80::1");
    assert_int_equal(c->hosts[1].port, 2222);
    assert_null(c->hosts[1].user);
    assert_int_equal(c->hosts[1].keepalive_count, 2);
    assert_int_equal(c->hosts[1].forward_n, 2);
    assert_int_equal(c->hosts[1].forward[1], 5555);
    assert_int_equal(c->hosts[1].os, SSH_OS_WINDOWS);
    assert_non_null(strstr(c->hosts[1].identity_file, "/id"));
    assert_int_equal(c->jobs_n, 2);
    assert_null(c->jobs[0].host);
    assert_string_equal(c->jobs[1].host, "gpu-box");
    assert_int_equal(c->entries_n, 1);
    assert_string_equal(c->entries[0].host, "gpu-box");
    config_free(c);
}

static void mistakes_in_hosts_are_told(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "hosts: [{name: a}]\n", "ssh is missing: user@host");
    assert_mistake(EARSHOT, "hosts: [{ssh: 'a b'}]\n", "expected user@host or user@host:port");
    assert_mistake(EARSHOT, "hosts: [{ssh: '-oProxyCommand=x'}]\n", "expected user@host");
    assert_mistake(EARSHOT, "hosts: [{ssh: 'a:70000'}]\n", "expected user@host");
    assert_mistake(EARSHOT, "hosts: [{ssh: a}, {ssh: b@a}]\n", "two are called \"a\"");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, forward: [80, 80]}]\n", "port 80 is opened for");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, forward: [x]}]\n", "expected ports");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, os: mac}]\n", "os: expected auto, linux or windows");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, keepalive: {count: 0}}]\n", "keepalive.count");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, keepalive: {interval: 2h}}]\n", "100ms to 1h");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, collect: {logs: []}}]\n", "not read over SSH");
    assert_mistake(EARSHOT,
                   "hosts: [{ssh: a, collect: {scrape: [{job_name: x}, {job_name: x}]}}]\n",
                   "given twice");
}

static struct str address_of(const struct scrape_job *job, size_t group, size_t target)
{
    return labels_get(job->static_groups[group].targets[target], STR("__address__"));
}

static void jobs_arrive_with_their_groups(void **state)
{
    struct config *c =
        loaded(PROMETHEUS, "global: {scrape_interval: 15s, evaluation_interval: 30s,\n"
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
        loaded(PROMETHEUS, "global: {sample_limit: 1, label_limit: 2, label_name_length_limit: 3,\n"
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
        loaded(PROMETHEUS, "scrape_configs:\n"
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
    struct config *c = loaded(PROMETHEUS, text);
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
        loaded(PROMETHEUS, "storage: {tsdb: {out_of_order_time_window: 10m}}\n"
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

    (void)snprintf(path, sizeof path, "%s/%s", folder, file ? file : "");
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
    struct config *c = loaded(
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
        loaded(PROMETHEUS,
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
        loaded(PROMETHEUS, "scrape_configs:\n"
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
    (void)snprintf(path, sizeof path, "%s/t.json", folder);
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
    (void)write_file("more-1.yml", STR("scrape_configs:\n"
                                       "- {job_name: b, bearer_token_file: t}\n"));
    c = loaded(PROMETHEUS, main_file);
    assert_int_equal(c->jobs_n, 2);
    assert_string_equal(c->jobs[1].name, "b");
    assert_int_equal(c->jobs[1].interval_ms, 7000);
    assert_secret(c->jobs[1].client->authorization, NULL, "t");
    config_free(c);
    (void)write_file("more-1.yml", STR("scrape_configs: [{job_name: a}]\n"));
    assert_mistake(PROMETHEUS, main_file,
                   "more-1.yml:1:29: job_name \"a\" is given twice, first in /");
    (void)write_file("more-1.yml", STR("scrape_configs: [{job_nam: c}]\nglobal: {}\n"));
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
        struct config *c = loaded(PROMETHEUS, cases[i].text);

        assert_int_equal(c->exemplars_max, cases[i].max);
        assert_int_equal(c->warnings_n, 0);
        config_free(c);
    }
    assert_mistake(PROMETHEUS, "storage: {exemplars: {max_exemplars: many}}",
                   "max_exemplars: expected a whole number");
}

static void secrets_are_masked_wherever_they_stand(void **state)
{
    struct config *c =
        loaded(PROMETHEUS, "# a comment: geheim\n"
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
        const char *path = write_file("caret.yml", str_c(cases[i].line));
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

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"f.yml", "caret.yml", "more-1.yml"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static void groups_of_processes_with_the_same_labels_are_one_target(void **state)
{
    struct config *c =
        loaded(EARSHOT, "collect:\n"
                        "  process:\n"
                        "  - {name: a, match: x.*y, expect: 2, metric_relabel_configs: [{regex: q, "
                        "action: labeldrop}]}\n"
                        "  - {name: b, exe: sh, children: false, job: other, labels: {pack: p}}\n"
                        "  - {name: off, exe: z, enabled: false}\n"
                        "  - {name: c, unit: u, container: k, user: '5', pid_file: /run/p}\n");
    const struct process_settings *first, *second;
    const struct process_groups *groups;

    (void)state;
    assert_int_equal(c->entries_n, 2);
    assert_string_equal(c->entries[0].job.name, "process");
    assert_string_equal(c->entries[1].job.name, "other");
    first = c->entries[0].own;
    second = c->entries[1].own;
    groups = first->groups;
    assert_ptr_equal(second->groups, groups);
    assert_int_equal(groups->n, 3);
    assert_int_equal(groups->items[0].set, first->set);
    assert_int_equal(groups->items[1].set, second->set);
    assert_int_equal(groups->items[2].set, first->set);
    assert_string_equal(groups->items[0].match, "x.*y");
    assert_int_equal(groups->items[0].expect, 2);
    assert_true(groups->items[0].children);
    assert_string_equal(groups->items[1].exe, "sh");
    assert_false(groups->items[1].children);
    assert_null(groups->items[1].match);
    assert_string_equal(groups->items[2].unit, "u");
    assert_string_equal(groups->items[2].container, "k");
    assert_string_equal(groups->items[2].user, "5");
    assert_string_equal(groups->items[2].pid_file, "/run/p");
    config_free(c);
}

static void a_change_anywhere_in_the_groups_is_one_of_all_their_targets(void **state)
{
    struct config *a = loaded(EARSHOT, "collect: {process: [{name: a, exe: x}, "
                                       "{name: b, exe: y, job: j}]}");
    struct config *b = loaded(EARSHOT, "collect: {process: [{name: a, exe: x}, "
                                       "{name: b, exe: z, job: j}]}");

    (void)state;
    assert_true(a->entries[0].job.fingerprint != b->entries[0].job.fingerprint);
    config_free(a);
    config_free(b);
}

static void mistakes_in_groups_of_processes_are_told(void **state)
{
    static const struct {
        const char *entries, *expected;
    } cases[] = {
        {"{exe: x}", "f.yml:1:21: collect.process: name is missing"},
        {"{name: a}", "which processes? Give match, exe, unit, container, user or pid_file"},
        {"{name: a, match: '('}", "match"},
        {"{name: a, exe: x}, {name: a, exe: y, job: j}", "two groups are called \"a\""},
        {"{name: a, exe: x}, {name: b, exe: y, interval: 5s}",
         "\"b\" is read together with \"a\", which has the same job, instance and labels: give "
         "both the same interval and timeout, or this one another job"},
        {"{name: a, exe: x}, {name: b, exe: y, metric_relabel_configs: [{regex: q, action: "
         "labeldrop}]}",
         "write metric_relabel_configs there, for both"},
        {"{name: a, exe: x, expect: -1}", "expect"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[400];

        (void)snprintf(text, sizeof text, "collect: {process: [%s]}", cases[i].entries);
        assert_mistake(EARSHOT, text, cases[i].expected);
    }
}

static const struct gpu_settings *gpu_of(const struct config *c)
{
    for (size_t i = 0; i < c->entries_n; i++)
        if (strcmp(c->entries[i].kind, "gpu") == 0)
            return c->entries[i].own;
    return NULL;
}

static void gpus_are_a_map_a_pack_and_the_default(void **state)
{
    struct config *c;
    struct err *errors = NULL;
    size_t n = 0;

    (void)state;
    assert_int_equal(config_load(NULL, NULL, NULL, &c, &errors, &n), 0);
    assert_non_null(gpu_of(c));
    assert_string_equal(c->entries[0].job.name, "gpu");
    assert_int_equal(c->entries[0].job.interval_ms, 5000);
    assert_null(c->entries[0].instance); /* the host's name */
    config_free(c);

    c = loaded(EARSHOT, "packs: ['gpu: {}']");
    assert_true(gpu_of(c)->per_process);
    assert_string_equal(gpu_of(c)->sys, "/sys");
    config_free(c);

    c = loaded(EARSHOT, "packs: ['host: {}']");
    assert_null(gpu_of(c));
    config_free(c);

    c = loaded(EARSHOT, "packs: ['gpu: {}']\n"
                        "collect:\n"
                        "  host: {proc: /p, sys: /s}\n"
                        "  gpu: {source: nvidia-smi, nvidia_smi: /opt/smi, per_process: false,\n"
                        "        exclude: [GPU-x], interval: 2s, labels: {rack: a}}\n");
    assert_int_equal(c->entries_n, 1);
    assert_int_equal(gpu_of(c)->source, GPU_NVIDIA_SMI);
    assert_string_equal(gpu_of(c)->nvidia_smi, "/opt/smi");
    assert_false(gpu_of(c)->per_process);
    assert_int_equal(gpu_of(c)->exclude_n, 1);
    assert_string_equal(gpu_of(c)->proc, "/p");
    assert_int_equal(c->entries[0].job.interval_ms, 2000);
    config_free(c);

    assert_mistake(EARSHOT, "collect: {gpu: {source: cuda}}\n", "expected auto, nvml, sysfs or");
}

static void what_a_pack_asks_for_is_read_as_a_persons_own(void **state)
{
    struct config *c = loaded(
        EARSHOT, "packs: ['host: {top: 3}',\n"
                 "  'json: [{name: a, url: \"http://h/x\", endpoint: /x, metrics: {m: v}}]',\n"
                 "  'metrics: [{name: a, url: \"http://h:1/m\", endpoint: /m}]']\n"
                 "collect: {metrics: [{name: a, url: 'http://h:2/m', optional: true}]}\n");

    (void)state;
    assert_true(c->host.enabled);
    assert_int_equal(c->host.top, 3);
    assert_int_equal(c->packs.n, 3);
    assert_int_equal(c->entries_n, 3); /* the same name in another pack is another entry */
    assert_null(c->entries[0].pack);
    assert_string_equal(c->entries[1].pack, "p 1");
    assert_string_equal(c->entries[1].endpoint, "/x");
    assert_true(c->entries[1].endpoint_on_samples);
    assert_string_equal(c->entries[2].instance, "h:1");
    assert_false(c->entries[2].endpoint_on_samples);
    config_free(c);
    assert_mistake(EARSHOT, "packs: ['json: [{url: \"http://h/x\"}]']\n",
                   "f.yml:1:9: the pack p: collect.json: needs metrics");
    assert_mistake(EARSHOT, "packs: ['jsn: []']\n", "did you mean \"json\"?");
}

static void what_is_there_once_has_its_options_in_one_place(void **state)
{
    struct config *c = loaded(EARSHOT, "packs: ['host: {}', 'host: {top: 3}']\n");

    (void)state;
    assert_int_equal(c->host.top, 3);
    config_free(c);
    c = loaded(EARSHOT, "packs: ['host: {}']\ncollect: {host: {enabled: false}}\n");
    assert_false(c->host.enabled);
    config_free(c);
    assert_mistake(EARSHOT, "packs: ['host: {top: 3}']\ncollect: {host: {top: 4}}\n",
                   "f.yml:1:9: options of collect.host are given here and in");
    assert_mistake(EARSHOT, "packs: ['gpu: {source: nvml}', 'gpu: {source: sysfs}']\n",
                   "f.yml:1:32: options of collect.gpu are given here and in");
}

static void a_source_of_a_pack_is_asked_by_nobody_else(void **state)
{
    (void)state;
    assert_mistake(EARSHOT,
                   "packs: ['json: [{url: \"http://h/x\", metrics: {m: v}}]']\n"
                   "collect:\n"
                   "  json:\n"
                   "  - {url: 'http://h/x', metrics: {other: v}}\n",
                   "f.yml:1:9: the pack p asks http://h/x, which collect.json (");
    assert_mistake(EARSHOT,
                   "packs: ['metrics: [{url: \"http://h:1/m\"}]']\n"
                   "collect: {scrape: [{job_name: j, metrics_path: /m,\n"
                   "  static_configs: [{targets: ['h:1']}]}]}\n",
                   "which collect.scrape asks too; leave one of them out");
    assert_mistake(EARSHOT,
                   "packs: ['redis: [{url: \"redis://h\"}]']\n"
                   "collect: {redis: [{url: 'redis://h:6379/3', name: mine}]}\n",
                   "the pack p asks h:6379, which collect.redis");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_pack_asks_for_is_read_as_a_persons_own),
        cmocka_unit_test(what_is_there_once_has_its_options_in_one_place),
        cmocka_unit_test(a_source_of_a_pack_is_asked_by_nobody_else),
        cmocka_unit_test(without_any_file_this_host_is_collected),
        cmocka_unit_test(a_file_says_exactly_what_is_collected),
        cmocka_unit_test(every_served_key_of_earshot_yml_arrives),
        cmocka_unit_test(a_redis_is_read_with_keys_in_its_databases),
        cmocka_unit_test(the_url_of_a_redis_may_be_in_a_file),
        cmocka_unit_test(mistakes_of_a_redis_are_told_with_their_place),
        cmocka_unit_test(a_celery_is_read_with_its_default_queue),
        cmocka_unit_test(mistakes_of_a_celery_are_told_with_their_place),
        cmocka_unit_test(what_is_kept_of_logs_has_bounds_of_its_own),
        cmocka_unit_test(a_flower_is_a_second_target_with_the_job_and_instance_of_its_celery),
        cmocka_unit_test(a_rabbitmq_is_read_from_its_plug_in_or_from_its_management),
        cmocka_unit_test(mistakes_of_a_rabbitmq_are_told_with_their_place),
        cmocka_unit_test(what_is_not_served_is_refused_with_its_place),
        cmocka_unit_test(every_mistake_is_told_and_in_order),
        cmocka_unit_test(a_file_that_cannot_be_read_is_one_clear_line),
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
        cmocka_unit_test(secrets_are_masked_wherever_they_stand),
        cmocka_unit_test(a_mistake_is_shown_with_its_line_and_a_caret),
        cmocka_unit_test(a_line_with_a_secret_is_not_shown),
        cmocka_unit_test(past_a_hundred_mistakes_the_rest_is_counted),
        cmocka_unit_test(hostile_files_get_their_verdict),
        cmocka_unit_test(groups_of_processes_with_the_same_labels_are_one_target),
        cmocka_unit_test(a_change_anywhere_in_the_groups_is_one_of_all_their_targets),
        cmocka_unit_test(mistakes_in_groups_of_processes_are_told),
        cmocka_unit_test(hosts_have_a_place_and_what_is_collected_there_carries_their_name),
        cmocka_unit_test(mistakes_in_hosts_are_told),
        cmocka_unit_test(gpus_are_a_map_a_pack_and_the_default),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
