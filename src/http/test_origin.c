#include "http/origin.h"

#include "base/err.h"
#include "base/test.h"

static void all_addresses_are_ours_only_where_the_client_came_in(void **state)
{
    struct origin_rules o;
    struct err err;

    (void)state;
    assert_ok(origin_init(&o, "0.0.0.0", true, NULL, 0, NULL, &err), err);
    assert_true(origin_host_allowed(&o, STR("192.168.1.5:3277"), STR("192.168.1.5")));
    assert_false(origin_host_allowed(&o, STR("192.168.1.6:3277"), STR("192.168.1.5")));
    assert_false(origin_host_allowed(&o, STR("box"), STR("192.168.1.5")));
    assert_false(origin_host_allowed(&o, STR("box"), STR("")));
    assert_true(origin_host_allowed(&o, STR("localhost."), STR("")));
    origin_fini(&o);
    assert_ok(origin_init(&o, "192.168.1.5", false, NULL, 0, NULL, &err), err);
    assert_true(origin_host_allowed(&o, STR("192.168.1.5"), STR("")));
    assert_false(origin_host_allowed(&o, STR("10.0.0.1"), STR("10.0.0.1")));
    origin_fini(&o);
}

static void the_external_url_comes_apart(void **state)
{
    static const struct {
        const char *url, *origin, *prefix;
    } cases[] = {{"https://watch.example", "https://watch.example", ""},
                 {"https://watch.example/", "https://watch.example", ""},
                 {"http://a:8080/x/y//", "http://a:8080", "/x/y"},
                 {"http://[::1]:1/x", "http://[::1]:1", "/x"}};
    struct origin_rules o;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(origin_init(&o, "127.0.0.1", false, NULL, 0, cases[i].url, &err), err);
        assert_string_equal(o.external_origin, cases[i].origin);
        assert_string_equal(o.path_prefix, cases[i].prefix);
        origin_fini(&o);
    }
}

static void what_is_no_host_or_url_names_its_key(void **state)
{
    static const char *const urls[] = {"watch.example", "ftp://a",     "http://",
                                       "http://a b/",   "http://a/?x", "https://u@a/"};
    static const char *const hosts[] = {"http://a", "a/b", "", "a b"};
    struct origin_rules o;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++)
        assert_fails(origin_init(&o, "::1", false, NULL, 0, urls[i], &err), err, ERR_SYNTAX,
                     "external_url: ");
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        assert_fails(origin_init(&o, "::1", false, &hosts[i], 1, NULL, &err), err, ERR_SYNTAX,
                     "allowed_hosts: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_addresses_are_ours_only_where_the_client_came_in),
        cmocka_unit_test(the_external_url_comes_apart),
        cmocka_unit_test(what_is_no_host_or_url_names_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
