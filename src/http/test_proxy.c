#include "http/proxy.h"

#include "base/test.h"
#include "http/client_settings.h"
#include "http/client_use.h"
#include "http/place.h"

static bool excepted(const char *list, const char *host)
{
    return proxy_is_excepted(list, str_c(host), STR("9100"));
}

static void domains_addresses_networks_and_ports_are_excepted(void **state)
{
    (void)state;
    assert_false(excepted(NULL, "a.example"));
    assert_false(excepted("", "a.example"));
    assert_true(excepted("*", "a.example"));
    assert_true(excepted("x.example, example", "a.EXAMPLE"));
    assert_true(excepted("a.example", "a.example"));
    assert_false(excepted("a.example", "ba.example"));
    assert_true(excepted(".example", "a.example"));
    assert_true(excepted("*.example", "a.example"));
    assert_false(excepted(".a.example", "a.example"));
    assert_true(excepted("a.example:9100", "a.example"));
    assert_false(excepted("a.example:9101", "a.example"));
    assert_true(excepted("10.0.0.0/9", "10.127.1.1"));
    assert_false(excepted("10.0.0.0/9", "10.128.1.1"));
    assert_false(excepted("10.0.0.0/33,10.0.0.0/x,/8", "10.1.1.1"));
    assert_true(excepted("0.0.0.0/0", "10.1.1.1"));
    assert_true(excepted("10.1.1.1:9100", "10.1.1.1"));
    assert_false(excepted("10.1.1.1:80", "10.1.1.1"));
    assert_true(excepted("fd00::/8", "[fd12::1]"));
    assert_true(excepted("::1", "[::1]"));
    assert_false(excepted("1.1.1.1", "a1.1.1.1"));
}

static void the_environment_says_which_proxy_but_never_for_loopback(void **state)
{
    const struct client_proxy p = {.from_environment = true};
    const struct client_proxy own = {.url = "http://p:1", .no_proxy = "b.example"};

    (void)state;
    (void)setenv("HTTP_PROXY", "", 1);
    (void)setenv("http_proxy", "http://plain:1", 1);
    (void)setenv("HTTPS_PROXY", "http://secure:1", 1);
    (void)setenv("NO_PROXY", "b.example", 1);
    assert_string_equal(proxy_of(&p, "http://a.example/"), "http://plain:1");
    assert_string_equal(proxy_of(&p, "https://a.example/"), "http://secure:1");
    assert_null(proxy_of(&p, "https://b.example/"));
    assert_null(proxy_of(&p, "https://127.0.0.9/"));
    assert_null(proxy_of(&p, "http://[::1]:80/"));
    assert_null(proxy_of(&p, "http://x.localhost/"));
    assert_string_equal(proxy_of(&own, "http://127.0.0.1/"), "http://p:1");
    assert_null(proxy_of(&own, "http://b.example/"));
    assert_null(proxy_of(&(struct client_proxy){0}, "http://a.example/"));
}

static bool near(const char *url)
{
    struct place p;

    assert_int_equal(place_of(url, &p), 0);
    return place_is_near(&p);
}

static void near_is_loopback_private_or_a_name_of_the_local_network(void **state)
{
    static const char *const yes[] = {
        "http://localhost/",   "http://127.1.2.3/",   "http://10.1.1.1/",  "http://172.31.0.1/",
        "http://192.168.0.1/", "http://169.254.1.1/", "http://[fd00::1]/", "http://[fe80::1]/",
        "http://redis:9121/",  "http://nas.local/",   "http://nas.lan/",   "http://[::1]/"};
    static const char *const no[] = {"http://172.32.0.1/",  "http://11.0.0.1/",
                                     "http://[2001::1]/",   "http://a.example/",
                                     "http://lan.example/", "http://mylan.example"};
    struct place p;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(near(yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(near(no[i]));
    assert_int_equal(place_of("ftp://a/", &p), -1);
}

static void home_is_the_same_place_or_the_same_host_made_secure(void **state)
{
    (void)state;
    assert_true(client_is_home("http://a:1/x", "http://A:1/y"));
    assert_true(client_is_home("http://a:9100/x", "https://a/y"));
    assert_false(client_is_home("https://a/", "http://a/"));
    assert_false(client_is_home("http://a:1/", "http://a:2/"));
    assert_false(client_is_home("http://a/", "http://b/"));
    assert_false(client_is_home("http://a.b/", "http://b/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_addresses_networks_and_ports_are_excepted),
        cmocka_unit_test(the_environment_says_which_proxy_but_never_for_loopback),
        cmocka_unit_test(near_is_loopback_private_or_a_name_of_the_local_network),
        cmocka_unit_test(home_is_the_same_place_or_the_same_host_made_secure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
