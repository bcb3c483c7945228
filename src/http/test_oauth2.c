#include "http/oauth2.h"

#include "base/err.h"
#include "base/test.h"
#include "http/client_settings.h"
#include "http/client_use.h"

static void a_token_is_used_until_shortly_before_its_end(void **state)
{
    struct oauth2_token t = {0};
    struct err err;
    bool again;

    (void)state;
    assert_false(oauth2_is_valid(&t, 0));
    assert_ok(
        oauth2_take(&t, 200, STR("{\"access_token\":\"a\",\"expires_in\":60}"), 5, &again, &err),
        err);
    assert_false(again);
    assert_string_equal(t.value, "a");
    assert_true(oauth2_is_valid(&t, 50000000004));
    assert_false(oauth2_is_valid(&t, 50000000005));
    assert_ok(
        oauth2_take(&t, 200, STR("{\"access_token\":\"b\",\"expires_in\":\"4\"}"), 0, &again, &err),
        err);
    assert_true(oauth2_is_valid(&t, 1999999999));
    assert_false(oauth2_is_valid(&t, 2000000000));
    assert_ok(oauth2_take(&t, 200, STR("{\"access_token\":\"c\"}"), 0, &again, &err), err);
    assert_true(oauth2_is_valid(&t, INT64_MAX - 1));
    oauth2_drop(&t);
    assert_false(oauth2_is_valid(&t, 0));
}

static void answers_without_a_token_are_refused(void **state)
{
    static const char *const bad[] = {
        "",   "[]", "{\"access_token\":1}",        "{\"access_token\":\"\"}",
        "{}", "<",  "{\"access_token\":\"a\\nb\"}"};
    struct oauth2_token t = {.secret_in_form = true};
    struct err err;
    bool again;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_fails(oauth2_take(&t, 200, str_c(bad[i]), 0, &again, &err), err, ERR_EVAL, "oauth2");
        assert_null(t.value);
    }
    assert_fails(oauth2_take(&t, 500, STR("{}"), 0, &again, &err), err, ERR_EVAL, "status 500");
}

static void the_secret_goes_into_the_form_when_basic_auth_was_refused(void **state)
{
    const struct client_oauth2 o = {.client_id = "i&d", .client_secret = {"s=c", NULL}};
    struct oauth2_token t = {0};
    struct client_settings settings;
    struct buf form;
    struct err err;
    bool again;

    (void)state;
    buf_init(&form, 0);
    assert_ok(oauth2_form(&o, &t, &form, &settings, &err), err);
    assert_true(settings.has_basic_auth);
    assert_true(str_eq(buf_str(&form), STR("grant_type=client_credentials")));
    assert_ok(oauth2_take(&t, 401, STR(""), 0, &again, &err), err);
    assert_true(again);
    buf_reset(&form);
    assert_ok(oauth2_form(&o, &t, &form, &settings, &err), err);
    assert_false(settings.has_basic_auth);
    assert_true(str_eq(buf_str(&form), STR("grant_type=client_credentials&client_id=i%26d&"
                                           "client_secret=s%3Dc")));
    client_wipe(&form);
    assert_fails(oauth2_take(&t, 401, STR(""), 0, &again, &err), err, ERR_EVAL, "client_secret");
    assert_false(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_used_until_shortly_before_its_end),
        cmocka_unit_test(answers_without_a_token_are_refused),
        cmocka_unit_test(the_secret_goes_into_the_form_when_basic_auth_was_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
