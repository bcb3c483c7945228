#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "text/redis_url.h"

static struct arena arena;

static struct redis_url parse(const char *text)
{
    struct redis_url url;
    struct err err;

    if (redis_url_parse(&arena, str_c(text), &url, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return url;
}

static const char *refusal(const char *text)
{
    static struct err err;
    struct redis_url url;

    assert_int_equal(redis_url_parse(&arena, str_c(text), &url, &err), -1);
    assert_int_equal(err.kind, ERR_SYNTAX);
    return err.text;
}

static void a_host_alone_is_port_6379_and_database_0(void **state)
{
    struct redis_url url = parse("redis://box");

    (void)state;
    assert_string_equal(url.host, "box");
    assert_int_equal(url.port, 6379);
    assert_int_equal(url.db, 0);
    assert_null(url.username);
    assert_null(url.password);
    assert_null(url.path);
    assert_false(url.tls);
}

static void all_parts_are_read_and_percent_decoded(void **state)
{
    struct redis_url url = parse("rediss://me%40home:p%2Fw:d@h.example:7000/12");

    (void)state;
    assert_true(url.tls);
    assert_string_equal(url.username, "me@home");
    assert_string_equal(url.password, "p/w:d");
    assert_string_equal(url.host, "h.example");
    assert_int_equal(url.port, 7000);
    assert_int_equal(url.db, 12);
}

static void a_password_needs_no_user(void **state)
{
    struct redis_url url = parse("redis://:secret@127.0.0.1:6380/");

    (void)state;
    assert_null(url.username);
    assert_string_equal(url.password, "secret");
    assert_int_equal(url.port, 6380);
}

static void ipv6_stands_in_brackets(void **state)
{
    struct redis_url url = parse("redis://[::1]/3");
    struct err err;

    (void)state;
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.db, 3);
    assert_string_equal(redis_url_place(&arena, &url, &err), "[::1]:6379");
}

static void a_unix_socket_is_a_path(void **state)
{
    struct redis_url url = parse("unix://u:p@/run/redis%20a.sock?db=2");
    struct err err;

    (void)state;
    assert_string_equal(url.path, "/run/redis a.sock");
    assert_string_equal(url.password, "p");
    assert_int_equal(url.db, 2);
    assert_string_equal(redis_url_place(&arena, &url, &err), "/run/redis a.sock");
}

static void what_is_wrong_is_said_without_the_text(void **state)
{
    (void)state;
    assert_non_null(strstr(refusal("http://x"), "begins neither with redis://"));
    assert_non_null(strstr(refusal("box:6379"), "no scheme://"));
    assert_non_null(strstr(refusal("redis://"), "no host"));
    assert_non_null(strstr(refusal("redis://:6379"), "no host"));
    assert_non_null(strstr(refusal("redis://h:0"), "port"));
    assert_non_null(strstr(refusal("redis://h:70000"), "port"));
    assert_non_null(strstr(refusal("redis://h:"), "port"));
    assert_non_null(strstr(refusal("redis://h/x"), "database"));
    assert_non_null(strstr(refusal("redis://h/1/2"), "database"));
    assert_non_null(strstr(refusal("redis://h?ssl=1"), "options"));
    assert_non_null(strstr(refusal("redis://[::1"), "a [ without its ]"));
    assert_non_null(strstr(refusal("redis://[::1]x"), "between the ]"));
    assert_non_null(strstr(refusal("redis://:a%4@h"), "hex digits"));
    assert_non_null(strstr(refusal("redis://:a%00b@h"), "hex digits"));
    assert_non_null(strstr(refusal("redis://a b"), "space"));
    assert_non_null(strstr(refusal("unix://run/x"), "begins with /"));
    assert_non_null(strstr(refusal("unix:///x?db=a"), "db=NUMBER"));
    assert_null(strstr(refusal("redis://:hunter2@h:x"), "hunter2"));
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_alone_is_port_6379_and_database_0),
        cmocka_unit_test(all_parts_are_read_and_percent_decoded),
        cmocka_unit_test(a_password_needs_no_user),
        cmocka_unit_test(ipv6_stands_in_brackets),
        cmocka_unit_test(a_unix_socket_is_a_path),
        cmocka_unit_test(what_is_wrong_is_said_without_the_text),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
