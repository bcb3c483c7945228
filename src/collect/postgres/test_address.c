#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/postgres/address.h"
#include "collect/postgres/postgres_settings.h"

static struct arena a;

/* What libpq would take: the last of each keyword. */
static const char *value_of(const struct backend_address *p, const char *keyword)
{
    const char *found = NULL;

    for (size_t i = 0; p->keywords[i]; i++)
        if (strcmp(p->keywords[i], keyword) == 0)
            found = p->values[i];
    return found ? found : "-";
}

static struct backend_address make(const char *url, const char *password, const char *database)
{
    struct postgres_settings s = {.url = {url, NULL}, .password = {password, NULL}};
    struct backend_address p;
    struct err err;

    assert_ok(address_make(&a, &s, "", database, &p, &err), err);
    return p;
}

static void a_url_becomes_keywords(void **state)
{
    struct backend_address p =
        make("postgresql://mon:pa%40ss@db.lan:5433/shop?sslmode=disable", NULL, NULL);

    (void)state;
    assert_string_equal(p.shown, "db.lan:5433");
    assert_string_equal(value_of(&p, "host"), "db.lan");
    assert_string_equal(value_of(&p, "port"), "5433");
    assert_string_equal(value_of(&p, "user"), "mon");
    assert_string_equal(value_of(&p, "password"), "pa@ss");
    assert_string_equal(p.password, "pa@ss");
    assert_string_equal(value_of(&p, "dbname"), "shop");
    assert_string_equal(value_of(&p, "sslmode"), "disable");
    assert_string_equal(value_of(&p, "application_name"), "earshot");
    assert_string_equal(value_of(&p, "client_encoding"), "UTF8");
    assert_string_equal(value_of(&p, "gssencmode"), "disable");
}

static void what_the_url_leaves_out_has_defaults(void **state)
{
    struct backend_address p = make("postgresql://", NULL, NULL);

    (void)state;
    assert_string_equal(p.shown, "localhost:5432");
    assert_string_equal(value_of(&p, "host"), "localhost");
    assert_string_equal(value_of(&p, "port"), "5432");
    assert_string_equal(value_of(&p, "dbname"), "postgres");
    assert_string_equal(value_of(&p, "user"), "-");
    assert_string_equal(value_of(&p, "password"), "-");
}

static void a_socket_and_another_database_are_taken(void **state)
{
    struct backend_address p = make("postgresql:///shop?host=%2Frun%2Fpostgresql", "x", "mail");
    struct backend_address second =
        make("postgresql:///shop?host=/run/postgresql&port=5433", NULL, NULL);

    (void)state;
    assert_string_equal(p.shown, "localhost:5432");
    assert_string_equal(second.shown, "localhost:5433");
    assert_string_equal(make("postgresql:///shop?host=10.0.0.7", NULL, NULL).shown,
                        "10.0.0.7:5432");
    assert_string_equal(value_of(&p, "host"), "/run/postgresql");
    assert_string_equal(value_of(&p, "dbname"), "mail");
    assert_string_equal(value_of(&p, "password"), "x");
}

static void a_name_that_others_see_is_ours(void **state)
{
    struct backend_address p =
        make("postgresql://h/d?application_name=x&client_encoding=LATIN1", NULL, NULL);

    (void)state;
    assert_string_equal(value_of(&p, "application_name"), "earshot");
    assert_string_equal(value_of(&p, "client_encoding"), "UTF8");
}

static void files_are_read_at_each_use(void **state)
{
    char path[] = "/tmp/earshot-test-XXXXXX";
    int fd = mkstemp(path);
    struct postgres_settings s = {.url = {"postgresql://h/d", NULL}, .password = {NULL, path}};
    struct backend_address p;
    struct err err;

    (void)state;
    assert_int_equal(write(fd, "one\n", 4), 4);
    assert_ok(address_make(&a, &s, "", NULL, &p, &err), err);
    assert_string_equal(p.password, "one");
    assert_int_equal(pwrite(fd, "two\n", 4, 0), 4);
    assert_ok(address_make(&a, &s, "", NULL, &p, &err), err);
    assert_string_equal(p.password, "two");
    address_wipe(&p);
    assert_string_equal(p.password, "");
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_fails(address_make(&a, &s, "", NULL, &p, &err), err, ERR_OS, path);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&a, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&a);
    return 0;
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void behind_a_host_the_socket_takes_the_place_of_host_and_port(void **state)
{
    const struct postgres_settings s = {.url = {.text = "postgresql://me@10.0.0.7:5433/db"}};
    struct backend_address p;
    const char *host = NULL, *port = NULL;
    struct err err;

    (void)state;
    assert_ok(address_make(&a, &s, "/var/ssh/.s.PGSQL.7", NULL, &p, &err), err);
    for (size_t i = 0; p.keywords[i]; i++) {
        if (strcmp(p.keywords[i], "host") == 0)
            host = p.values[i];
        if (strcmp(p.keywords[i], "port") == 0)
            port = p.values[i];
    }
    assert_string_equal(host, "/var/ssh");
    assert_string_equal(port, "7");
    assert_string_equal(p.shown, "10.0.0.7:5433");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(behind_a_host_the_socket_takes_the_place_of_host_and_port),
        WITH_ARENA(a_url_becomes_keywords),
        WITH_ARENA(what_the_url_leaves_out_has_defaults),
        WITH_ARENA(a_socket_and_another_database_are_taken),
        WITH_ARENA(a_name_that_others_see_is_ours),
        WITH_ARENA(files_are_read_at_each_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
