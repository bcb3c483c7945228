#include "base/test.h"
#include "text/letter_case.h"

static void assert_both(const char *text, const char *upper, const char *lower)
{
    char out[200];
    size_t n = letter_case_upper(str_c(text), out);

    assert_true(n <= LETTER_CASE_ROOM(strlen(text)));
    assert_true(str_eq((struct str){out, n}, str_c(upper)));
    n = letter_case_lower(str_c(text), out);
    assert_true(n <= LETTER_CASE_ROOM(strlen(text)));
    assert_true(str_eq((struct str){out, n}, str_c(lower)));
}

static void ascii_changes_letters_only(void **state)
{
    (void)state;
    assert_both("bAr123-Foo@[`{", "BAR123-FOO@[`{", "bar123-foo@[`{");
    assert_both("", "", "");
}

static void letters_of_other_scripts_change_too(void **state)
{
    (void)state;
    assert_both("Ärger Straße", "ÄRGER STRAßE", "ärger straße");
    assert_both("Ωmega ЖЁж", "ΩMEGA ЖЁЖ", "ωmega жёж");
    assert_both("日本語 🎧", "日本語 🎧", "日本語 🎧");
    assert_both("Dždž", "DŽDŽ", "dždž");
}

static void a_character_may_change_its_length(void **state)
{
    (void)state;
    assert_both("ɐ", "Ɐ", "ɐ");    /* two bytes become three */
    assert_both("ıİ", "Iİ", "ıi"); /* two become one */
    assert_both("𐐨", "𐐀", "𐐨");    /* four stay four */
}

static void bytes_that_are_no_text_stay(void **state)
{
    (void)state;
    assert_both("a\xff\xc3", "A\xff\xc3", "a\xff\xc3");
    assert_both("\xed\xa0\x80x", "\xed\xa0\x80X", "\xed\xa0\x80x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascii_changes_letters_only),
        cmocka_unit_test(letters_of_other_scripts_change_too),
        cmocka_unit_test(a_character_may_change_its_length),
        cmocka_unit_test(bytes_that_are_no_text_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
