#include "text/base64.h"

#include "base/test.h"

static void assert_decodes(enum base64_alphabet alphabet, const char *in, const char *want)
{
    char out[100];
    size_t n;

    assert_true(base64_decode(alphabet, str_c(in), out, &n));
    assert_true(str_eq((struct str){out, n}, str_c(want)));
}

static void texts_of_every_length_come_back(void **state)
{
    (void)state;
    assert_decodes(BASE64_STANDARD, "", "");
    assert_decodes(BASE64_STANDARD, "YQ==", "a");
    assert_decodes(BASE64_STANDARD, "YWI=", "ab");
    assert_decodes(BASE64_STANDARD, "YWJj", "abc");
    assert_decodes(BASE64_STANDARD, "YWI", "ab");
}

static void each_alphabet_is_read_as_itself(void **state)
{
    char out[100];
    size_t n;

    (void)state;
    assert_decodes(BASE64_STANDARD, "+/+/", "\xfb\xff\xbf");
    assert_decodes(BASE64_URL, "-_-_", "\xfb\xff\xbf");
    assert_false(base64_decode(BASE64_URL, STR("+/+/"), out, &n));
    assert_false(base64_decode(BASE64_STANDARD, STR("-_-_"), out, &n));
}

static void what_is_no_base64_is_refused(void **state)
{
    char out[100];
    size_t n;

    (void)state;
    assert_false(base64_decode(BASE64_STANDARD, STR("a"), out, &n));
    assert_false(base64_decode(BASE64_STANDARD, STR("YW J"), out, &n));
    assert_false(base64_decode(BASE64_STANDARD, STR("Y=Jj"), out, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_every_length_come_back),
        cmocka_unit_test(each_alphabet_is_read_as_itself),
        cmocka_unit_test(what_is_no_base64_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
