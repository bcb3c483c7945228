#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api/global_url.h"
#include "base/arena.h"
#include "base/err.h"

static void becomes(const char *url, const char *wanted)
{
    struct arena a;
    struct err err;

    arena_init(&a, NULL);
    assert_string_equal(global_url(&a, url, "box", &err), wanted);
    arena_fini(&a);
}

static void this_machine_is_named_as_others_know_it(void **state)
{
    (void)state;
    becomes("http://127.0.0.1:9100/metrics", "http://box:9100/metrics");
    becomes("http://localhost/metrics?a=127.0.0.1", "http://box/metrics?a=127.0.0.1");
    becomes("https://[::1]:9100/m?x=@y", "https://box:9100/m?x=@y");
    becomes("http://u:p@localhost:9100?x", "http://u:p@box:9100?x");
}

static void any_other_url_stays_as_it_is(void **state)
{
    (void)state;
    becomes("http://10.0.0.7:9100/metrics", "http://10.0.0.7:9100/metrics");
    becomes("http://gpu/localhost", "http://gpu/localhost");
    becomes("ftp://localhost/", "ftp://localhost/");
}

static void an_unknown_name_changes_nothing(void **state)
{
    struct arena a;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    assert_string_equal(global_url(&a, "http://localhost/", "", &err), "http://localhost/");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_is_named_as_others_know_it),
        cmocka_unit_test(any_other_url_stays_as_it_is),
        cmocka_unit_test(an_unknown_name_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
