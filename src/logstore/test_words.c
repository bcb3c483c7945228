#include "base/test.h"

#include "base/err.h"
#include "logstore/words.h"

static void assert_query(const char *text, const char *expected)
{
    struct buf out = {0};
    struct words words;
    struct err err;

    assert_int_equal(words_read(str_c(text), &words, &err), 0);
    words_put_query(&words, &out);
    assert_string_equal(out.p, expected);
    buf_fini(&out);
}

static void assert_refused(const char *text, const char *expected)
{
    struct words words;
    struct err err;

    assert_int_equal(words_read(str_c(text), &words, &err), -1);
    assert_int_equal(err.kind, ERR_SYNTAX);
    assert_string_equal(err.text, expected);
}

static bool has(const char *search, const char *text)
{
    struct words words;
    struct err err;

    assert_int_equal(words_read(str_c(search), &words, &err), 0);
    for (size_t i = 0; i < words.n; i++)
        if (!words.follows[i] && !words_phrase_in(&words, i, str_c(text)))
            return false;
    return true;
}

static void all_words_are_asked_for(void **state)
{
    (void)state;
    assert_query("cuda memory", "\"cuda\" AND \"memory\"");
    assert_query("  CUDA\tMemory ", "\"cuda\" AND \"memory\"");
    assert_query("\"out of memory\"", "\"out\" AND \"of\" AND \"memory\"");
    assert_query("12.5GB trace*", "\"12\" AND \"5gb\" AND \"trace\" *");
}

static void phrases_stand_together(void **state)
{
    (void)state;
    assert_true(has("\"out of memory\"", "CUDA out of memory."));
    assert_true(has("out.of.memory", "CUDA out of memory."));
    assert_false(has("\"out memory\"", "CUDA out of memory."));
    assert_true(has("\"a b\"", "a a b"));
    assert_true(has("\"of mem\"*", "out of memory"));
    assert_false(has("\"of mem\"", "out of memory"));
    assert_true(has("memory cuda", "CUDA out of memory."));
}

static void what_cannot_be_searched_for_is_said(void **state)
{
    (void)state;
    assert_refused("", "there is no letter or digit in it");
    assert_refused("--", "there is no letter or digit in it");
    assert_refused("a \"b", "a quote does not end: \"b");
    assert_refused("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 "
                   "30 31 32 33",
                   "more than 32 words");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_words_are_asked_for),
        cmocka_unit_test(phrases_stand_together),
        cmocka_unit_test(what_cannot_be_searched_for_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
