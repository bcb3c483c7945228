#include "sys/secret.h"

#include "base/test.h"

static void tokens_and_uuids_have_their_shape_and_differ(void **state)
{
    char token[2][SECRET_TOKEN_BYTES], uuid[2][SECRET_UUID_BYTES];

    (void)state;
    for (int i = 0; i < 2; i++) {
        secret_token(token[i]);
        secret_uuid(uuid[i]);
        assert_int_equal(strlen(token[i]), 43);
        assert_int_equal(strspn(token[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789-_"),
                         43);
        assert_int_equal(strlen(uuid[i]), 36);
        assert_int_equal(strspn(uuid[i], "0123456789abcdef-"), 36);
        assert_int_equal(uuid[i][14], '4');
        assert_non_null(strchr("89ab", uuid[i][19]));
    }
    assert_string_not_equal(token[0], token[1]);
    assert_string_not_equal(uuid[0], uuid[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_and_uuids_have_their_shape_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
