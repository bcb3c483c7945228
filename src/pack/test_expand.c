#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "pack/pack.h"
#include "text/yaml.h"

static struct arena arena;
static struct yaml_errors errors, warnings;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    errors = warnings = (struct yaml_errors){.arena = &arena};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct pack_uses expand(const char *text)
{
    const struct yaml *root;
    struct pack_uses uses;
    struct err err;

    assert_ok(yaml_parse(&arena, "dir/f.yml", str_c(text), &root, &err), err);
    assert_ok(packs_expand(&arena, root, &errors, &warnings, &uses, &err), err);
    return uses;
}

static struct pack_uses expand_well(const char *text)
{
    struct pack_uses uses = expand(text);

    if (errors.n > 0)
        fail_msg("%s", errors.items[0].text);
    return uses;
}

static void assert_mistake(const char *text, const char *expected)
{
    char line[600] = "";
    bool found = false;

    errors.n = 0;
    (void)expand(text);
    for (size_t i = 0; i < errors.n; i++)
        found |= strstr(err_format(&errors.items[i], line, sizeof line), expected) != NULL;
    if (!found)
        fail_msg("expected \"%s\", found \"%s\"", expected, line);
}

/* The text of a key in the `i`th entry of a list. */
static const char *text_in(const struct pack_use *use, const char *list, size_t i, const char *key)
{
    const struct yaml *entries = yaml_get(use->collect, list), *node;

    assert_non_null(entries);
    assert_true(i < entries->n);
    node = yaml_get(&entries->items[i], key);
    return node ? arena_cstr(&arena, node->text, NULL) : NULL;
}

static void a_pack_without_parameters_has_its_defaults(void **state)
{
    struct pack_uses uses = expand_well("[host, soundbox]");
    const struct pack_use *soundbox = &uses.items[1];

    (void)state;
    assert_int_equal(uses.n, 2);
    assert_string_equal(soundbox->name, "soundbox");
    assert_string_equal(soundbox->instance, "127.0.0.1:5309");
    assert_string_equal(text_in(soundbox, "json", 0, "url"), "http://127.0.0.1:5309/status");
    assert_string_equal(text_in(soundbox, "json", 0, "job"), "soundbox");
    assert_string_equal(text_in(soundbox, "json", 0, "instance"), "127.0.0.1:5309");
    assert_string_equal(text_in(soundbox, "json", 0, "endpoint"), "/status");
    assert_null(text_in(soundbox, "json", 0, "interval"));
    assert_int_equal(yaml_get(uses.items[0].collect, "host")->n, 0);
    assert_non_null(yaml_get(soundbox->collect, "gpu"));
}

static void a_parameter_may_be_a_key(void **state)
{
    struct pack_uses uses = expand_well("[document-hub: {tasks_key: 'db3=jobs'}]");
    const struct yaml *redis = yaml_get(uses.items[0].collect, "redis");

    (void)state;
    assert_non_null(redis);
    assert_non_null(yaml_get(yaml_get(&redis->items[0], "first"), "db3=jobs"));
}

static void what_is_given_goes_where_the_pack_says(void **state)
{
    struct pack_uses uses = expand_well("- soundbox:\n"
                                        "    url: http://h:1/\n"
                                        "    metrics_path: /m\n"
                                        "    instance: studio\n"
                                        "    interval: 5s\n"
                                        "    labels: {room: a}\n");
    const struct yaml *json = yaml_get(uses.items[0].collect, "json");
    const struct yaml *labels = yaml_get(&json->items[0], "labels");
    const struct yaml *url = yaml_get(&json->items[0], "url");

    (void)state;
    assert_string_equal(uses.items[0].instance, "studio");
    assert_string_equal(uses.items[0].id, "soundbox studio");
    assert_string_equal(text_in(&uses.items[0], "json", 0, "url"), "http://h:1/status");
    assert_string_equal(text_in(&uses.items[0], "metrics", 0, "url"), "http://h:1/m");
    assert_string_equal(text_in(&uses.items[0], "metrics", 0, "endpoint"), "/m");
    assert_string_equal(text_in(&uses.items[0], "json", 0, "interval"), "5s");
    assert_true(str_eq(yaml_get(labels, "room")->text, STR("a")));
    assert_string_equal(url->file, "dir/f.yml"); /* a mistake in it is told there */
    assert_int_equal(url->at.line, 2);
}

static void what_has_no_value_is_left_out(void **state)
{
    struct pack_uses uses = expand_well("- redis: {url_file: /u, keys: [a, b]}");
    const struct yaml *redis = &yaml_get(uses.items[0].collect, "redis")->items[0];

    (void)state;
    assert_null(yaml_get(redis, "url")); /* its default does not count beside the file */
    assert_null(yaml_get(redis, "password"));
    assert_non_null(yaml_get(redis, "url_file"));
    assert_int_equal(yaml_get(redis, "keys")->n, 2);
    assert_null(uses.items[0].instance);
}

static void a_pack_stands_twice_with_another_instance(void **state)
{
    struct pack_uses uses = expand_well("- redis\n"
                                        "- redis: {url: 'redis://h:7000'}\n"
                                        "- redis: {instance: third}\n");

    (void)state;
    assert_int_equal(uses.n, 3);
    assert_string_equal(uses.items[1].instance, "h:7000");
    assert_mistake(
        "- redis\n- redis\n",
        "dir/f.yml:2:3: the pack redis stands in line 1 too, for the same 127.0.0.1:6379");
}

static void mistakes_are_told_with_their_place(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"[nope]", "dir/f.yml:1:2: no pack is called \"nope\"; there are: auralis, celery, "},
        {"[soundbx]", "no pack is called \"soundbx\" (did you mean \"soundbox\"?)"},
        {"{redis: }", "packs: expected a list like [host, redis]"},
        {"[[redis]]", "packs: expected a name, or one name"},
        {"[{redis: 1}]", "the pack redis: expected its parameters"},
        {"[{redis: {key: [a]}}]",
         "dir/f.yml:1:11: unknown key \"key\" in the pack redis (did you mean"},
        {"[{redis: {url: 'h:1'}}]", "dir/f.yml:1:16: url: "},
        {"[{redis: {url: 'redis://h', url_file: /f}}]", "give url or url_file, not both"},
        {"[{soundbox: {capacity: many}}]", "capacity"},
        {"[{soundbox: {backup_max_age: soon}}]", "backup_max_age"},
        {"[{soundbox: {interval: often}}]", "interval"},
        {"[{soundbox: {metrics_path: metrics}}]",
         "dir/f.yml:1:28: metrics_path: expected a path that begins with /, like /metrics"},
        {"[{soundbox: {labels: a}}]", "labels: expected a map"},
        {"[{soundbox: {rules: [a]}}]", "rules: expected names of rules"},
        {"[{soundbox: {rules: {SoundBoxQueLong: {for: 1m}}}}]",
         "unknown key \"SoundBoxQueLong\" in rules of the pack soundbox (did you mean "
         "\"SoundBoxQueueLong\"?)"},
        {"[{soundbox: {rules: {'*': {fro: 1m}}}}]", "did you mean \"for\"?"},
        {"[{soundbox: {rules: {'*': {for: {warning: x}}}}}]", "for"},
        {"[{soundbox: {rules: {'*': {warning: 3}}}}]",
         "dir/f.yml:1:28: warning: a threshold belongs to one rule"},
        {"[{soundbox: {rules: {SoundBoxQueueLong: {warning: many}}}}]",
         "dir/f.yml:1:51: warning: expected a number, a size like 4.5GB or a time like 15m"},
        {"[{soundbox: {rules: {SoundBoxDown: {warning: 1}}}}]",
         "dir/f.yml:1:37: SoundBoxDown has no level warning; it has critical"},
        {"[{soundbox: {rules: {SoundBoxDown: {critical: 1}}}}]",
         "SoundBoxDown has no threshold; it can be tuned by for, interval and enabled"},
        {"[{soundbox: {rules: {SoundBoxQueueLong: {for: {error: 1m}}}}}]",
         "SoundBoxQueueLong has no level error; it has warning, critical"},
        {"[{soundbox: {rules: {SoundBoxQueueLong: {window: 0s}}}}]",
         "window: expected more than 0s"},
        {"[{soundbox: {rules: {SoundBoxDown: {enabled: perhaps}}}}]", "enabled"},
        {"[{soundbox: {rules: {SoundBoxDown: {interval: 0s}}}}]",
         "interval: expected more than 0s"},
        {"[{music-separator: {error_status: '5('}}]", "dir/f.yml:1:35: error_status: "},
        {"[{soundbox: {notify: {mail: a}}}]", "unknown key \"mail\""},
        {"[{soundbox: {notify: {message: x}}}]", "message: expected script or explain"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_mistake(cases[i].text, cases[i].expected);
}

static void what_is_not_acted_upon_is_said(void **state)
{
    (void)state;
    (void)expand_well("- soundbox: {rules: {'*': {for: 0s}, SoundBoxDown: {for: "
                      "{critical: 5m}}},\n"
                      "             notify: {email: [a@b], smtp: 'h:25', message: script}}\n");
    assert_int_equal(warnings.n, 2);
    assert_non_null(strstr(warnings.items[0].text, "no alert fires yet"));
    assert_non_null(strstr(warnings.items[1].text, "nobody is told yet"));
    (void)expand_well("- soundbox: {rules: {SoundBoxQueueLong: {warning: 40, critical: 80, "
                      "for: 2m, window: 10m, enabled: true}}}\n");
    assert_non_null(strstr(warnings.items[2].text, "window: SoundBoxQueueLong looks at no span"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pack_without_parameters_has_its_defaults),
        TEST(a_parameter_may_be_a_key),
        TEST(what_is_given_goes_where_the_pack_says),
        TEST(what_has_no_value_is_left_out),
        TEST(a_pack_stands_twice_with_another_instance),
        TEST(mistakes_are_told_with_their_place),
        TEST(what_is_not_acted_upon_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
