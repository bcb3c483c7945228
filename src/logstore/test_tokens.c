#include "base/test.h"

#include <stdio.h>

#include "logstore/tokens.h"

static void assert_tokens(const char *text, const char *expected)
{
    char found[300] = "";
    struct token token;
    size_t at = 0, n = 0;

    while (token_next(str_c(text), &at, &token)) {
        n += (size_t)snprintf(found + n, sizeof found - n, "%s%.*s", n ? "|" : "", (int)token.n,
                              token.p);
        assert_true(token.start < token.end && token.end <= strlen(text));
    }
    assert_string_equal(found, expected);
}

static void words_are_runs_of_letters_and_digits_in_lower_case(void **state)
{
    (void)state;
    assert_tokens("[GPU] 12.5GB free", "gpu|12|5gb|free");
    assert_tokens("llm_tasks:processing=9f31c2", "llm|tasks|processing|9f31c2");
    assert_tokens("", "");
    assert_tokens("-- ?!", "");
}

static void letters_of_other_languages_are_letters_and_their_quotes_are_not(void **state)
{
    (void)state;
    assert_tokens("Überlast \u201efertig\u201c", "überlast|fertig");
    assert_tokens("ОШИБКА: память", "ошибка|память");
    assert_tokens("done \U0001F680 now", "done|now");
}

static void a_long_word_counts_by_its_beginning(void **state)
{
    char text[201], expected[TOKEN_MAX + 1];

    (void)state;
    memset(text, 'x', 200);
    text[200] = '\0';
    memset(expected, 'x', TOKEN_MAX);
    expected[TOKEN_MAX] = '\0';
    assert_tokens(text, expected);
}

static void a_key_begins_a_word_of_its_own(void **state)
{
    (void)state;
    assert_tokens("a\x1fs12\x1fl4", "a|\x1fs12|\x1fl4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_runs_of_letters_and_digits_in_lower_case),
        cmocka_unit_test(letters_of_other_languages_are_letters_and_their_quotes_are_not),
        cmocka_unit_test(a_long_word_counts_by_its_beginning),
        cmocka_unit_test(a_key_begins_a_word_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
