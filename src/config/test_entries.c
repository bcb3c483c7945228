/* What is collected: the lists under collect, packs, hosts. */
#include "base/test.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "collect/celery/celery_settings.h"
#include "collect/entry_settings.h"
#include "collect/gpu/gpu_settings.h"
#include "collect/logs/logs_settings.h"
#include "collect/process/process_settings.h"
#include "collect/rabbitmq/rabbitmq_settings.h"
#include "collect/redis/redis_settings.h"
#include "collect/ssh/ssh_settings.h"
#include "config/config.h"
#include "config/test_given.h"
#include "http/client_settings.h"
#include "model/labels.h"

static void a_redis_is_read_with_keys_in_its_databases(void **state)
{
    struct config *c = given(EARSHOT, "collect:\n"
                                      "  redis:\n"
                                      "    - url: rediss://:hunter2@box:7000/2\n"
                                      "      keys: [jobs, db5=jobs, 'a=b']\n"
                                      "      key_patterns: ['r:*']\n"
                                      "      first: {jobs: 10, db5=jobs: 1}\n"
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
    assert_int_equal(c->entries[0].job.limits.samples, 50000);
    assert_int_equal(c->entries[0].job.limits.labels, 64);
    assert_int_equal(c->entries[0].job.limits.label_value_bytes, 4096);
    assert_int_equal(c->entries[0].job.limits.series, 200000);
    assert_int_equal(s->keys_n, 3);
    assert_int_equal(s->keys[0].db, 2);
    assert_string_equal(s->keys[0].name, "jobs");
    assert_int_equal(s->keys[1].db, 5);
    assert_string_equal(s->keys[1].name, "jobs");
    assert_string_equal(s->keys[2].name, "a=b");
    assert_int_equal(s->patterns[0].db, 2);
    assert_int_equal(s->first_n, 2);
    assert_int_equal(s->first[0].key.db, 2);
    assert_int_equal(s->first[0].n, 10);
    assert_int_equal(s->first[1].key.db, 5);
    assert_true(s->commandstats);
    assert_false(s->latency);
    assert_string_equal(s->access.tls.server_name, "n");
    config_free(c);
}

static void syslog_is_received_on_loopback_and_by_one_entry_an_address(void **state)
{
    struct config *c = given(EARSHOT, "collect: {logs: [{syslog: '127.0.0.1:5514'},\n"
                                      "  {name: router, syslog: '[::1]:5515', timezone: UTC}]}\n");
    const struct logs_settings *s = c->entries[0].own;

    (void)state;
    assert_int_equal(s->kind, LOGS_SYSLOG);
    assert_string_equal(s->place, "127.0.0.1:5514");
    assert_string_equal(c->entries[0].source, "127.0.0.1:5514");
    assert_string_equal(c->entries[1].source, "router");
    config_free(c);
    assert_mistake(EARSHOT, "collect: {logs: [{syslog: '0.0.0.0:5514'}]}\n",
                   "f.yml:1:27: syslog: on 0.0.0.0:5514 anybody who reaches it could write lines");
    config_free(given(EARSHOT, "insecure: true\ncollect: {logs: [{syslog: ':5514'}]}\n"));
    assert_mistake(EARSHOT,
                   "collect:\n  logs:\n  - syslog: 127.0.0.1:5514\n  - syslog: localhost:5514\n",
                   "f.yml:4:13: syslog: localhost:5514 is received by two entries: the other one "
                   "is in line 3");
    assert_mistake(EARSHOT,
                   "insecure: true\ncollect:\n  logs: [{syslog: ':5514'},\n"
                   "    {syslog: '127.0.0.1:5514'}]\n",
                   "f.yml:4:14: syslog: 127.0.0.1:5514 is received by two entries: the other one "
                   "is in line 3");
    assert_mistake(EARSHOT, "collect: {logs: [{syslog: '127.0.0.1'}]}\n",
                   "is not an address with a port; write 127.0.0.1:5514");
    assert_mistake(EARSHOT, "collect: {logs: [{syslog: '127.0.0.1:0'}]}\n",
                   "is not an address with a port; write 127.0.0.1:5514");
    assert_mistake(EARSHOT, "collect: {logs: [{syslog: '127.0.0.1:5514', unit: a}]}\n",
                   "unit: not with syslog");
}

static void the_time_of_a_log_is_a_field(void **state)
{
    struct config *c = given(EARSHOT, "collect: {logs: [{path: a.log, time: request.at}]}\n");
    const struct logs_settings *s = c->entries[0].own;

    (void)state;
    assert_true(str_eq(s->time, STR("request.at")));
    config_free(c);
    assert_mistake(EARSHOT, "collect: {logs: [{path: a.log, time: '%Y'}]}\n",
                   "time: \"%Y\" is no name of a field");
}

static void the_url_of_a_redis_may_be_in_a_file(void **state)
{
    struct config *c;

    (void)state;
    (void)given_file("redis.url", STR("redis://:s@10.0.0.9/1\n"));
    c = given(EARSHOT, "collect: {redis: [{url_file: redis.url, keys: [a], name: main}]}\n");
    assert_string_equal(c->entries[0].name, "main");
    assert_string_equal(c->entries[0].instance, "10.0.0.9:6379");
    assert_int_equal(((const struct redis_settings *)c->entries[0].own)->keys[0].db, 1);
    config_free(c);
    assert_mistake(EARSHOT, "collect: {redis: [{url_file: not.there}]}\n",
                   "f.yml:1:30: url_file: cannot be opened");
}

static void the_url_of_an_entry_over_http_may_be_in_a_file(void **state)
{
    static const char *const kinds[] = {"metrics", "nginx", "rabbitmq"};
    const struct entry_settings *e;
    struct config *c;

    (void)state;
    (void)given_file("http.url", STR("http://me:p%40w@10.0.0.9:81/x\n"));
    (void)given_file("probe.url", STR("https://10.0.0.9/?token=t\n"));
    (void)given_file("api.url", STR("http://a:b@10.0.0.9:15672\n"));
    (void)given_file("not.url", STR("10.0.0.9:81 secret\n"));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char text[100];

        (void)snprintf(text, sizeof text, "collect: {%s: [{url_file: http.url}]}\n", kinds[i]);
        c = given(EARSHOT, text);
        e = &c->entries[0];
        assert_string_equal(e->instance, "10.0.0.9:81");
        assert_string_equal(e->url, "http://10.0.0.9:81/x");
        assert_string_equal(e->job.client->username.text, "me");
        assert_string_equal(e->job.client->password.text, "p@w");
        config_free(c);
    }
    c = given(EARSHOT, "collect: {rabbitmq: [{url_file: api.url}],\n"
                       "  json: [{url_file: http.url, metrics: {a: a}}],\n"
                       "  probe: [{url_file: probe.url}]}\n");
    assert_string_equal(c->entries[0].url, "http://10.0.0.9:81/x");
    assert_string_equal(c->entries[1].url, "https://10.0.0.9/?token=t");
    assert_int_equal(c->entries_n, 5); /* three of the API */
    assert_non_null(strstr(c->entries[3].url, "http://10.0.0.9:15672/api/"));
    assert_string_equal(c->entries[3].job.client->password.text, "b");
    config_free(c);
    assert_mistake(EARSHOT, "collect: {metrics: [{url_file: not.there}]}\n",
                   "f.yml:1:32: url_file: cannot be opened");
    assert_mistake(EARSHOT, "collect: {metrics: [{url_file: not.url}]}\n",
                   "f.yml:1:32: url_file: expected a URL like http://user:password@host:9090/path "
                   "in the file");
    assert_mistake(EARSHOT, "collect: {nginx: [{url: 'http://h', url_file: http.url}]}\n",
                   "f.yml:1:47: give url or url_file, not both");
    assert_mistake(EARSHOT, "collect: {celery: [{url_file: http.url}]}\n", "url_file");
}

static void mistakes_of_a_redis_are_told_with_their_place(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "collect:\n  redis:\n  - {keys: [a]}\n",
                   "f.yml:3:5: collect.redis: url is missing; write redis://127.0.0.1:6379");
    assert_mistake(EARSHOT, "collect:\n  redis:\n  - url: http://x\n",
                   "f.yml:3:10: url: it begins neither with redis://");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://h', first: {q: 101}}]}\n",
                   "f.yml:1:49: first: want how many entries, from 1 to 100");
    assert_mistake(EARSHOT, "collect: {redis: [{url: 'redis://h', first: [q]}]}\n",
                   "first: want a map of a key to how many");
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
    struct config *c = given(EARSHOT, "collect:\n"
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

static void a_flower_is_a_second_target_with_the_job_and_instance_of_its_celery(void **state)
{
    struct config *c = given(
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

static void what_a_flower_asks_for_goes_to_it_alone(void **state)
{
    struct config *c = given(
        EARSHOT, "collect:\n"
                 "  celery: [{broker: 'http://guest:guest@r:15672', flower: 'http://f:5555',\n"
                 "            flower_auth: 'me:pw'}]\n");
    const struct client_settings *broker = c->entries[0].job.client,
                                 *flower = c->entries[1].job.client;

    (void)state;
    assert_string_equal(flower->login.text, "me:pw");
    assert_true(flower->has_basic_auth);
    assert_null(broker->login.text);
    assert_string_equal(broker->password.text, "guest");
    config_free(c);
    assert_mistake(EARSHOT,
                   "collect: {celery: [{broker: 'redis://h', flower_auth: a, "
                   "flower_auth_file: b}]}\n",
                   "give flower_auth or flower_auth_file, not both");
}

static void a_rabbitmq_is_read_from_its_plug_in_or_from_its_management(void **state)
{
    struct config *c =
        given(EARSHOT, "collect:\n"
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

static void the_api_of_a_rabbitmq_is_no_vhost(void **state)
{
    static const struct {
        const char *path, *vhost;
    } cases[] = {{"", ".*"},      {"/", ".*"},       {"/api", ".*"},
                 {"/api/", ".*"}, {"//", "\\Q/\\E"}, {"/api2", "\\Qapi2\\E"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[100];
        struct config *c;
        const struct celery_settings *s;

        (void)snprintf(text, sizeof text, "collect: {celery: [{broker: 'http://r:15672%s'}]}\n",
                       cases[i].path);
        c = given(EARSHOT, text);
        s = c->entries[0].own;
        assert_true(str_eq(s->amqp->vhost, str_c(cases[i].vhost)));
        config_free(c);
    }
}

static void an_exposition_is_at_metrics_where_its_url_names_no_path(void **state)
{
    static const char *const cases[][2] = {{"http://h:1", "http://h:1/metrics"},
                                           {"http://h:1/", "http://h:1/metrics"},
                                           {"http://h:1/m", "http://h:1/m"},
                                           {"http://h:1?a=b", "http://h:1?a=b"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[100];
        struct config *c;

        (void)snprintf(text, sizeof text, "collect: {metrics: [{url: '%s'}]}\n", cases[i][0]);
        c = given(EARSHOT, text);
        assert_string_equal(c->entries[0].url, cases[i][1]);
        config_free(c);
    }
}

static void mistakes_of_a_rabbitmq_are_told_with_their_place(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "collect: {rabbitmq: [{queues: '('}]}\n", "queues: ");
    assert_mistake(EARSHOT, "collect: {celery: [{broker: 'http://r:15672', events: true}]}\n",
                   "workers are heard in a Redis only");
    assert_mistake(EARSHOT, "collect: {rabbitmq: [{url: '127.0.0.1:15692'}]}\n", "url");
}

static void hosts_have_a_place_and_what_is_collected_there_carries_their_name(void **state)
{
    struct config *c = NULL;

    (void)state;
    assert_string_equal(
        given_load(
            EARSHOT,
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

static void a_rabbitmq_of_a_host_is_asked_there_with_all_its_targets(void **state)
{
    struct config *c =
        given(EARSHOT, "hosts:\n"
                       "- {ssh: me@hub, collect: {rabbitmq: [{url: 'http://127.0.0.1:15672'}]}}\n");

    (void)state;
    assert_int_equal(c->entries_n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(c->entries[i].host, "hub");
        assert_non_null(strstr(c->entries[i].url, "http://127.0.0.1:15672/api/"));
    }
    assert_mistake(EARSHOT, "hosts: [{ssh: me@hub, collect: {docker: [{}]}}]\n",
                   "docker is not served by this version: it is not read over SSH");
    config_free(c);
}

static void what_an_entry_asks_is_the_same_whatever_its_instance_is_called(void **state)
{
    struct config *c = NULL;

    (void)state;
    assert_string_equal(
        given_load(EARSHOT,
                   STR("hosts:\n"
                       "- {ssh: box, collect: {celery: [{instance: queues, broker: "
                       "'redis://127.0.0.1:1', results: 'redis://127.0.0.1:2/3'}],\n"
                       "    postgres: [{instance: db, url: 'postgresql://127.0.0.1:3/x'}]}}\n"),
                   &c),
        "");
    assert_int_equal(c->entries_n, 3);
    assert_string_equal(c->entries[0].place, "127.0.0.1:3");
    assert_string_equal(c->entries[0].instance, "db");
    assert_string_equal(c->entries[1].place, "127.0.0.1:1");
    assert_string_equal(c->entries[2].place, "127.0.0.1:2"); /* the results' own */
    assert_string_equal(c->entries[2].instance, "queues");
    config_free(c);
}

static void machines_on_the_way_are_places_or_names_of_other_entries(void **state)
{
    struct config *c = NULL;

    (void)state;
    assert_string_equal(
        given_load(EARSHOT,
                   STR("hosts:\n"
                       "- {ssh: me@box, jump: 'near,root@far:2222', identity_file: id}\n"
                       "- {ssh: you@192.0.2.1:2200, name: near, known_hosts: kh}\n"),
                   &c),
        "");
    assert_int_equal(c->hosts[0].jumps_n, 2);
    assert_string_equal(c->hosts[0].jumps[0].user, "you");
    assert_string_equal(c->hosts[0].jumps[0].address, "192.0.2.1");
    assert_int_equal(c->hosts[0].jumps[0].port, 2200);
    assert_null(c->hosts[0].jumps[0].identity_file);
    assert_non_null(strstr(c->hosts[0].jumps[0].known_hosts, "/kh"));
    assert_string_equal(c->hosts[0].jumps[1].user, "root");
    assert_string_equal(c->hosts[0].jumps[1].address, "far");
    assert_int_equal(c->hosts[0].jumps[1].port, 2222);
    assert_non_null(strstr(c->hosts[0].jumps[1].identity_file, "/id"));
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
    assert_mistake(EARSHOT, "hosts: [{ssh: a, jump: 'b, c d'}]\n", "jump: expected user@host");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, jump: 'b,c,d,e,f'}]\n", "at most 4 machines");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, jump: a}]\n", "a is this machine itself");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, jump: b}, {ssh: b, jump: c}]\n",
                   "b is reached through another machine itself");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, os: mac}]\n", "os: expected auto, linux or windows");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, keepalive: {count: 0}}]\n", "keepalive.count");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, keepalive: {interval: 2h}}]\n", "100ms to 1h");
    assert_mistake(EARSHOT, "hosts: [{ssh: a, collect: {logs: []}}]\n", "not read over SSH");
    assert_mistake(EARSHOT,
                   "hosts: [{ssh: a, collect: {scrape: [{job_name: x}, {job_name: x}]}}]\n",
                   "given twice");
}

static void groups_of_processes_with_the_same_labels_are_one_target(void **state)
{
    struct config *c =
        given(EARSHOT, "collect:\n"
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
    struct config *a = given(EARSHOT, "collect: {process: [{name: a, exe: x}, "
                                      "{name: b, exe: y, job: j}]}");
    struct config *b = given(EARSHOT, "collect: {process: [{name: a, exe: x}, "
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

    c = given(EARSHOT, "packs: ['gpu: {}']");
    assert_true(gpu_of(c)->per_process);
    assert_string_equal(gpu_of(c)->sys, "/sys");
    config_free(c);

    c = given(EARSHOT, "packs: ['host: {}']");
    assert_null(gpu_of(c));
    config_free(c);

    c = given(EARSHOT, "packs: ['gpu: {}']\n"
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

static void a_pack_of_a_host_is_in_use_and_what_is_not_read_over_ssh_is_left_out(void **state)
{
    struct config *c = NULL;

    (void)state;
    assert_string_equal(
        given_load(EARSHOT,
                   STR("packs: ['host: {}']\n"
                       "hosts:\n"
                       "- {ssh: me@box, packs: ['{gpu: {}, metrics: [{name: a, url: "
                       "\"http://h:1/m\"}]}']}\n"),
                   &c),
        "");
    assert_int_equal(c->packs.n, 2);
    assert_null(c->packs.items[0].host_name);
    assert_string_equal(c->packs.items[1].host_name, "box");
    assert_int_equal(c->warnings_n, 1);
    assert_non_null(strstr(c->warnings[0].text, "gpu is not read over SSH"));
    assert_int_equal(c->entries_n, 1);
    assert_string_equal(c->entries[0].host, "box");
    assert_string_equal(c->entries[0].kind, "metrics");
    config_free(c);
    assert_mistake(EARSHOT, "hosts: [{ssh: me@box, packs: ['gpu: {}']}]\n",
                   "nothing of it is read over SSH");
}

static void what_a_pack_asks_for_is_read_as_a_persons_own(void **state)
{
    struct config *c = given(
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
                   "f.yml:1:9: the pack p: collect.json: needs metrics, or expect");
    assert_mistake(EARSHOT, "packs: ['jsn: []']\n", "did you mean \"json\"?");
}

static void what_is_there_once_has_its_options_in_one_place(void **state)
{
    struct config *c = given(EARSHOT, "packs: ['host: {}', 'host: {top: 3}']\n");

    (void)state;
    assert_int_equal(c->host.top, 3);
    config_free(c);
    c = given(EARSHOT, "packs: ['host: {}']\ncollect: {host: {enabled: false}}\n");
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

static void a_source_behind_a_host_is_another_one_than_here(void **state)
{
    (void)state;
    assert_mistake(EARSHOT,
                   "hosts:\n"
                   "- ssh: me@box\n"
                   "  packs: ['redis: [{url: \"redis://h\"}]']\n"
                   "  collect: {redis: [{url: 'redis://h:6379', name: mine}]}\n",
                   "f.yml:3:11: the pack p asks h:6379, which collect.redis (");
    assert_mistake(EARSHOT,
                   "hosts:\n"
                   "- ssh: me@box\n"
                   "  packs: ['metrics: [{url: \"http://h:1/metrics\"}]']\n"
                   "  collect: {scrape: [{job_name: j, static_configs: [{targets: ['h:1']}]}]}\n",
                   "f.yml:3:11: the pack p asks http://h:1/metrics, which collect.scrape asks too");
    config_free(given(EARSHOT, "packs: ['redis: [{url: \"redis://h\"}]']\n"
                               "hosts:\n"
                               "- {ssh: me@box, collect: {redis: [{url: 'redis://h:6379'}]}}\n"
                               "- {ssh: me@other, packs: ['redis: [{url: \"redis://h\"}]']}\n"));
}

static void what_windows_does_not_have_is_refused_where_the_pack_is_named(void **state)
{
    (void)state;
    assert_mistake(EARSHOT, "hosts: [{ssh: me@box, os: windows, packs: ['host: {}']}]\n",
                   "f.yml:1:44: hosts: host and process read /proc, which Windows does not have");
}

static void two_with_the_labels_of_one_are_a_warning(void **state)
{
    struct config *c = given(EARSHOT, "collect: {json: [\n"
                                      "{name: a, job: x, url: 'http://h:1/a', metrics: {a: b}},\n"
                                      "{name: b, job: x, url: 'http://h:1/b', metrics: {c: d}},\n"
                                      "{name: c, job: x, url: 'http://h:1/c', metrics: {e: f}, "
                                      "labels: {endpoint: /c}},\n"
                                      "{name: d, url: 'http://h:1/d', metrics: {g: h}}]}\n");

    (void)state;
    assert_int_equal(c->warnings_n, 1);
    assert_int_equal(c->warnings[0].at.line, 3);
    assert_non_null(strstr(c->warnings[0].text, "\"b\" has job, instance and labels of \"a\""));
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_redis_is_read_with_keys_in_its_databases),
        cmocka_unit_test(syslog_is_received_on_loopback_and_by_one_entry_an_address),
        cmocka_unit_test(the_time_of_a_log_is_a_field),
        cmocka_unit_test(the_url_of_a_redis_may_be_in_a_file),
        cmocka_unit_test(the_url_of_an_entry_over_http_may_be_in_a_file),
        cmocka_unit_test(mistakes_of_a_redis_are_told_with_their_place),
        cmocka_unit_test(a_celery_is_read_with_its_default_queue),
        cmocka_unit_test(mistakes_of_a_celery_are_told_with_their_place),
        cmocka_unit_test(a_flower_is_a_second_target_with_the_job_and_instance_of_its_celery),
        cmocka_unit_test(what_a_flower_asks_for_goes_to_it_alone),
        cmocka_unit_test(a_rabbitmq_is_read_from_its_plug_in_or_from_its_management),
        cmocka_unit_test(the_api_of_a_rabbitmq_is_no_vhost),
        cmocka_unit_test(an_exposition_is_at_metrics_where_its_url_names_no_path),
        cmocka_unit_test(mistakes_of_a_rabbitmq_are_told_with_their_place),
        cmocka_unit_test(hosts_have_a_place_and_what_is_collected_there_carries_their_name),
        cmocka_unit_test(a_rabbitmq_of_a_host_is_asked_there_with_all_its_targets),
        cmocka_unit_test(what_an_entry_asks_is_the_same_whatever_its_instance_is_called),
        cmocka_unit_test(machines_on_the_way_are_places_or_names_of_other_entries),
        cmocka_unit_test(mistakes_in_hosts_are_told),
        cmocka_unit_test(groups_of_processes_with_the_same_labels_are_one_target),
        cmocka_unit_test(a_change_anywhere_in_the_groups_is_one_of_all_their_targets),
        cmocka_unit_test(mistakes_in_groups_of_processes_are_told),
        cmocka_unit_test(gpus_are_a_map_a_pack_and_the_default),
        cmocka_unit_test(a_pack_of_a_host_is_in_use_and_what_is_not_read_over_ssh_is_left_out),
        cmocka_unit_test(what_a_pack_asks_for_is_read_as_a_persons_own),
        cmocka_unit_test(what_is_there_once_has_its_options_in_one_place),
        cmocka_unit_test(a_source_of_a_pack_is_asked_by_nobody_else),
        cmocka_unit_test(a_source_behind_a_host_is_another_one_than_here),
        cmocka_unit_test(what_windows_does_not_have_is_refused_where_the_pack_is_named),
        cmocka_unit_test(two_with_the_labels_of_one_are_a_warning),
    };

    return cmocka_run_group_tests(tests, given_setup, given_teardown);
}
