#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "collect/entry_settings.h"
#include "collect/postgres/postgres_settings.h"
#include "config/config.h"

static char path[] = "/tmp/earshot-test-XXXXXX";
static char url_path[] = "/tmp/earshot-test-XXXXXX";

/* The configuration with this text as the one entry of collect.postgres; else NULL, and what is
 * wrong in `words`. */
static struct config *load(const char *entry, char words[1000])
{
    FILE *f = fopen(path, "w");
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t n = 0, at = 0;

    words[0] = '\0';
    assert_non_null(f);
    assert_true(fprintf(f, "collect:\n  postgres:\n  - %s\n", entry) > 0);
    assert_int_equal(fclose(f), 0);
    if (config_load(path, NULL, NULL, &c, &errors, &n) == 0)
        return c;
    for (size_t i = 0; i < n && at < 900; i++)
        at += (size_t)snprintf(words + at, 1000 - at, "%.300s\n", errors[i].text);
    mem_free(errors);
    return NULL;
}

static struct config *loaded(const char *entry)
{
    char words[1000];
    struct config *c = load(entry, words);

    if (!c)
        fail_msg("%s: %s", entry, words);
    return c;
}

static void a_url_is_enough(void **state)
{
    struct config *c = loaded("{url: 'postgresql://mon:s3cret@[::1]/shop'}");
    const struct entry_settings *e = &c->entries[0];
    const struct postgres_settings *s = e->own;

    (void)state;
    assert_int_equal(c->entries_n, 1);
    assert_string_equal(e->kind, "postgres");
    assert_string_equal(e->job.name, "postgres");
    assert_string_equal(e->instance, "[::1]:5432");
    assert_string_equal(e->name, "[::1]:5432");
    assert_null(e->url);
    assert_string_equal(s->url.text, "postgresql://mon:s3cret@[::1]/shop");
    assert_null(s->databases);
    assert_true(s->user_tables);
    assert_false(s->statements);
    assert_int_equal(s->max_tables, 500);
    assert_int_equal(s->statement_timeout_ms, 5000);
    assert_int_equal(s->queries_n, 0);
    config_free(c);
}

static void every_key_arrives(void **state)
{
    struct config *c = loaded("{url: 'postgres://h:1/d', password_file: pass, databases: [a, b],\n"
                              "     user_tables: no, max_tables: 7, statements: yes,\n"
                              "     statement_timeout: 2s, queries: [{name: q, sql: SELECT 1,\n"
                              "     interval: 1m, labels: [x], values: {n: gauge, m: counter}}]}");
    const struct postgres_settings *s = c->entries[0].own;

    (void)state;
    assert_string_equal(s->password.file, "/tmp/pass");
    assert_int_equal(s->databases_n, 2);
    assert_string_equal(s->databases[1], "b");
    assert_false(s->user_tables);
    assert_true(s->statements);
    assert_int_equal(s->max_tables, 7);
    assert_int_equal(s->statement_timeout_ms, 2000);
    assert_string_equal(s->queries[0].name, "q");
    assert_string_equal(s->queries[0].sql, "SELECT 1");
    assert_int_equal(s->queries[0].interval_ms, 60000);
    assert_string_equal(s->queries[0].labels[0], "x");
    assert_string_equal(s->queries[0].values[0].column, "n");
    assert_false(s->queries[0].values[0].is_counter);
    assert_true(s->queries[0].values[1].is_counter);
    config_free(c);
}

static void a_file_may_hold_the_url(void **state)
{
    FILE *f = fopen(url_path, "w");
    struct config *c;
    char words[1000], entry[100];

    (void)state;
    assert_true(fprintf(f, "postgresql://mon:s3cret@db.lan:5433/d\n") > 0);
    assert_int_equal(fclose(f), 0);
    (void)snprintf(entry, sizeof entry, "{url_file: %s}", url_path);
    c = loaded(entry);
    assert_string_equal(c->entries[0].instance, "db.lan:5433");
    config_free(c);
    c = loaded("{url: 'postgresql:///d?host=/run/postgresql&port=5433'}");
    assert_string_equal(c->entries[0].instance, "localhost:5433");
    config_free(c);
    assert_null(load("{url_file: /nowhere}", words));
    assert_non_null(strstr(words, "url_file: cannot be opened: No such file or directory"));
}

static void mistakes_are_told_without_a_password(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "url is missing"},
        {"{url: 'mysql://h'}", "begins with postgresql://"},
        {"{url: 'postgresql://u:s3cret@h:x/d'}", "no number from 1 to 65535"},
        {"{url: 'postgresql://h,i/d'}", "an entry for each server"},
        {"{url: 'postgresql://u:s3cret@h/d', password: x}", "another one beside it"},
        {"{url: 'postgresql://h/d?password=s3cret'}", "in password or password_file"},
        {"{url: 'postgresql://h/d', password: s3cret, password_file: x}", "give one of them"},
        {"{url: 'postgresql://h/d', url_file: x}", "give one of them"},
        {"{url: 'postgresql://h/d', databases: all}", "databases: write auto"},
        {"{url: 'postgresql://h/d', statement_timeout: 0s}", "at least 1ms"},
        {"{url: 'postgresql://h/d', queries: [{sql: x, values: {n: gauge}}]}", "name is missing"},
        {"{url: 'postgresql://h/d', queries: [{name: q, values: {n: gauge}}]}", "sql is missing"},
        {"{url: 'postgresql://h/d', queries: [{name: q, sql: x}]}", "values is missing"},
        {"{url: 'postgresql://h/d', queries: [{name: q-1, sql: x, values: {n: gauge}}]}",
         "letters, digits"},
        {"{url: 'postgresql://h/d', queries: [{name: q, sql: x, values: {n: gauche}}]}",
         "write gauge or counter"},
        {"{url: 'postgresql://h/d', queries: [{name: q, sql: x, values: {'?column?': gauge}}]}",
         "AS name"},
        {"{url: 'postgresql://h/d', queries: [{name: q, sql: x, labels: [n], "
         "values: {n: gauge}}]}",
         "both a label and a value"},
        {"{url: 'postgresql://h/d', queries: [{name: q, sql: x, labels: ['a b'], "
         "values: {n: gauge}}]}",
         "no name for a label"},
        {"{url: 'postgresql://h/d', queries: [{name: q, sql: x, values: {n: gauge}}, "
         "{name: q, sql: x, values: {n: gauge}}]}",
         "two are called \"q\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char words[1000];
        struct config *c = load(cases[i][0], words);

        if (c || !strstr(words, cases[i][1]))
            fail_msg("%s: \"%s\", not \"%s\"", cases[i][0], words, cases[i][1]);
        assert_null(strstr(words, "s3cret"));
    }
}

static int set_up(void **state)
{
    int a = mkstemp(path), b = mkstemp(url_path);

    (void)state;
    return close(a) | close(b);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path) | unlink(url_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_enough),
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(a_file_may_hold_the_url),
        cmocka_unit_test(mistakes_are_told_without_a_password),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
