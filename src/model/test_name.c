#include "model/name.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "model/labels.h"

static void names_outside_the_old_alphabet_have_three_spellings(void **state)
{
    static const struct {
        const char *name, *underscores, *dots, *values;
    } cases[] = {
        {"http_total", "http_total", "http__total", "http_total"},
        {"http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"},
        {"0day_x", "_day_x", "_day__x", "U___30_day__x"},
        {"caf\xc3\xa9", "caf_", "caf_", "U__caf_e9_"},
        {"\xf0\x9f\x98\x80", "_", "_", "U___1f600_"},
        {"bad\xff", "bad_", "bad_", "U__bad_FFFD_"},
        {"", "", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *wanted[] = {cases[i].name, cases[i].underscores, cases[i].dots,
                                cases[i].values};

        for (int scheme = NAME_UTF8; scheme <= NAME_VALUES; scheme++) {
            SCOPED(buf_fini) struct buf out = {0};
            struct str name = str_c(cases[i].name);

            name_escape(&out, name, name_is_legacy_metric(name), (enum name_escaping)scheme);
            assert_string_equal(buf_str(&out).p, wanted[scheme]);
        }
    }
}

static void what_was_escaped_by_values_reads_back(void **state)
{
    static const char *const names[] = {
        "http.status:sum", "_", "a b", "caf\xc3\xa9", "\xe2\x82\xac\xf0\x9f\x98\x80", "U__x", "__"};
    struct arena a;

    (void)state;
    arena_init(&a, NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        SCOPED(buf_fini) struct buf out = {0};
        struct str back;
        struct err err;

        name_escape(&out, str_c(names[i]), false, NAME_VALUES);
        assert_ok(name_unescape(&a, buf_str(&out), &back, &err), err);
        assert_string_equal(back.p, names[i]);
    }
    arena_fini(&a);
}

static void a_name_that_is_not_soundly_escaped_stays_itself(void **state)
{
    static const char *const names[] = {"up",       "U_",         "U__a_",         "U__a_2e",
                                        "U__a_zz_", "U__a_d800_", "U__a_1234567_", "U__a_110000_"};
    struct arena a;

    (void)state;
    arena_init(&a, NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str back;
        struct err err;

        assert_ok(name_unescape(&a, str_c(names[i]), &back, &err), err);
        assert_string_equal(back.p, names[i]);
    }
    arena_fini(&a);
}

static void the_words_of_a_media_type_name_the_spellings(void **state)
{
    enum name_escaping scheme = NAME_UTF8;

    (void)state;
    assert_int_equal(name_escaping_of(STR("values"), &scheme), 0);
    assert_int_equal(scheme, NAME_VALUES);
    assert_string_equal(name_escaping_word(scheme), "values");
    assert_int_equal(name_escaping_of(STR("none"), &scheme), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_outside_the_old_alphabet_have_three_spellings),
        cmocka_unit_test(what_was_escaped_by_values_reads_back),
        cmocka_unit_test(a_name_that_is_not_soundly_escaped_stays_itself),
        cmocka_unit_test(the_words_of_a_media_type_name_the_spellings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
