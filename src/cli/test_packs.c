/* The packs of the program through the readers of a configuration. */
#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/logs/logs_settings.h"
#include "collect/process/process_settings.h"
#include "collect/redis/redis_settings.h"
#include "config/config.h"
#include "http/client_settings.h"
#include "model/labels.h"
#include "pack/pack.h"

static char path[] = "/tmp/earshot-test-packs-XXXXXX";

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static struct config *load(const char *text)
{
    FILE *f = fopen(path, "we");
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t n = 0;

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    if (config_load(path, NULL, &packs_reader, &c, &errors, &n) < 0)
        fail_msg("%s: %s:%u: %s", text, errors[0].file, errors[0].at.line, errors[0].text);
    return c;
}

static void assert_refused(const char *text, const char *words)
{
    FILE *f = fopen(path, "we");
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t n = 0;

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(config_load(path, NULL, &packs_reader, &c, &errors, &n), -1);
    assert_non_null(strstr(errors[0].text, words));
    mem_free(errors);
}

static const struct entry_settings *entry(const struct config *c, const char *kind,
                                          const char *name)
{
    for (size_t i = 0; i < c->entries_n; i++)
        if (strcmp(c->entries[i].kind, kind) == 0 && strcmp(c->entries[i].name, name) == 0)
            return &c->entries[i];
    fail_msg("there is no entry %s of %s", name, kind);
    return NULL;
}

static const struct logs_settings *log_of(const struct config *c, const char *instance,
                                          const char *endpoint)
{
    for (size_t i = 0; i < c->entries_n; i++) {
        const struct entry_settings *e = &c->entries[i];

        if (strcmp(e->kind, "logs") == 0 && strcmp(e->instance, instance) == 0 &&
            strcmp(e->endpoint, endpoint) == 0) {
            assert_string_equal(e->source, "document-hub/worker");
            return e->own;
        }
    }
    fail_msg("there is no log %s of %s", endpoint, instance);
    return NULL;
}

static void every_pack_is_sound_with_its_defaults(void **state)
{
    struct arena a;
    struct packs packs;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(packs_load(&a, &packs, &err), err);
    for (size_t i = 0; i < packs.n; i++) {
        bool process = strcmp(packs.items[i].name, "process") == 0; /* of nothing there is none */
        const char *text = arena_printf(
            &a, &err, process ? "packs: [{%s: {name: a, match: b}}]\n" : "packs: [%s]\n",
            packs.items[i].name);

        assert_non_null(text);
        config_free(load(text));
    }
    arena_fini(&a);
}

static void a_pack_may_stand_twice_with_the_same_names_inside(void **state)
{
    struct config *c = load("packs:\n"
                            "- document-hub: {redis: 'redis://a', metrics_jsonl: m.jsonl}\n"
                            "- document-hub: {redis: 'redis://b', log_dir: /b}\n");
    const struct entry_settings *redis = entry(c, "redis", "redis");
    const struct entry_settings *file = entry(c, "json", "metrics.jsonl");
    const struct process_settings *first = NULL, *second = NULL;

    (void)state;
    assert_string_equal(redis->job.name, "document-hub");
    assert_string_equal(redis->instance, "a:6379");
    assert_null(redis->endpoint);
    assert_string_equal(((const struct redis_settings *)redis->own)->keys[0].name, "llm_tasks");
    assert_string_equal(file->endpoint, "metrics.jsonl");
    for (size_t i = 0; i < c->entries_n; i++) {
        if (strcmp(c->entries[i].kind, "process") != 0)
            continue;
        assert_string_equal(c->entries[i].endpoint, "processes");
        assert_string_equal(c->entries[i].instance, first ? "b:6379" : "a:6379");
        *(first ? &second : &first) = c->entries[i].own;
    }
    assert_string_equal(log_of(c, "a:6379", "worker.log")->name, "document-hub/worker");
    assert_string_equal(log_of(c, "b:6379", "worker.log")->name, "document-hub/worker@b:6379");
    if (!first || !second) {
        fail_msg("not two targets of processes");
        return;
    }
    assert_ptr_not_equal(first->groups, second->groups); /* each finds its workers */
    assert_int_equal(first->groups->n, 2);
    config_free(c);
}

static void what_is_off_is_left_out(void **state)
{
    struct config *c = load("packs: [{whisper-pipeline: {api: off, postgres: off, flower: "
                            "'http://f:1/metrics', flower_auth: 'me:pw:1',\n"
                            "  redis_exporter: 'http://r:9121/metrics'}}]\n");

    (void)state;
    assert_int_equal(c->entries_n, 3);
    assert_string_equal(entry(c, "metrics", "flower")->job.name, "whisper-flower");
    assert_string_equal(entry(c, "metrics", "flower")->instance, "f:1");
    assert_string_equal(entry(c, "metrics", "flower")->job.client->login.text, "me:pw:1");
    assert_string_equal(entry(c, "metrics", "redis_exporter")->job.name, "whisper-redis");
    assert_string_equal(entry(c, "celery", "broker")->job.name, "whisper-redis");
    config_free(c);
}

static void packs_with_the_same_way_share_the_host(void **state)
{
    struct config *c =
        load("packs:\n"
             "- whisper-pipeline: {ssh: me@box, api: off, flower: off}\n"
             "- whisper-pipeline: {ssh: me@box, instance: two, api: off, flower: off,\n"
             "    redis: 'redis://127.0.0.1:6380', postgres: off}\n");
    const struct entry_settings *second = &c->entries[c->entries_n - 1];

    (void)state;
    assert_int_equal(c->hosts_n, 1);
    assert_int_equal(c->entries_n, 5);
    for (size_t i = 0; i < c->entries_n; i++)
        assert_string_equal(c->entries[i].host, "box");
    assert_string_equal(second->instance, "two");
    assert_string_equal(second->place, "127.0.0.1:6380"); /* whatever it is called */
    config_free(c);
}

static void packs_with_other_ways_to_one_host_are_told_apart(void **state)
{
    (void)state;
    assert_refused("packs:\n"
                   "- whisper-pipeline: {ssh: me@box, instance: one}\n"
                   "- whisper-pipeline: {ssh: you@box, instance: two}\n",
                   "ssh: \"box\" is reached in another way already; put one entry under hosts and "
                   "the packs into its list packs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pack_is_sound_with_its_defaults),
        cmocka_unit_test(a_pack_may_stand_twice_with_the_same_names_inside),
        cmocka_unit_test(what_is_off_is_left_out),
        cmocka_unit_test(packs_with_the_same_way_share_the_host),
        cmocka_unit_test(packs_with_other_ways_to_one_host_are_told_apart),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
