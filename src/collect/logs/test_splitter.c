#include "base/test.h"

#include "base/err.h"
#include "collect/logs/splitter.h"
#include "text/regex.h"

/* The entries that a text is cut into, each with a bar behind it. */
static void check_bytes(struct splitter *s, struct str rest, enum splitter_end end,
                        const char *wanted)
{
    SCOPED(buf_fini) struct buf got = {0};
    struct str text = rest, entry;
    size_t used;

    while (splitter_next(s, rest, end, &entry, &used)) {
        rest = str_skip(rest, used);
        if (entry.n) {
            buf_add(&got, entry);
            buf_addc(&got, '|');
        }
    }
    if (!str_eq(buf_str(&got), str_c(wanted)))
        fail_msg("%.*s: \"%.*s\"", STR_ARGS(text), STR_ARGS(buf_str(&got)));
}

static void check(struct splitter *s, const char *text, enum splitter_end end, const char *wanted)
{
    check_bytes(s, str_c(text), end, wanted);
}

static void a_line_waits_for_the_next_until_it_has_settled(void **state)
{
    struct splitter s = {.line_max = 64};

    (void)state;
    check(&s, "a\nb\n", SPLITTER_MORE, "a|");
    check(&s, "a\nb\n", SPLITTER_SETTLED, "a|b|");
    check(&s, "a\nb", SPLITTER_SETTLED, "a|");
    check(&s, "a\nb", SPLITTER_ENDED, "a|b|");
    check(&s, "a\r\n\n\nb\r\n", SPLITTER_SETTLED, "a|b|");
}

static void tracebacks_of_every_kind_belong_to_the_line_before(void **state)
{
    struct splitter s = {.line_max = 64};

    (void)state;
    check(&s,
          "a\n b\n\tc\nCaused by: d\nDuring handling of e\nThe above exception f\nTraceback g\nh\n",
          SPLITTER_SETTLED,
          "a\n b\n\tc\nCaused by: d\nDuring handling of e\nThe above exception f\nTraceback g|h|");
    check(&s, "a: Traceback (most recent call last):\n  File\nx.Error: y\nKeyError\n",
          SPLITTER_SETTLED, "a: Traceback (most recent call last):\n  File\nx.Error: y|KeyError|");
    check(
        &s,
        "a\n2025 ERROR w: Traceback (most recent call last):\n\n  File\n\nKeyError: 1\nnext line\n",
        SPLITTER_SETTLED,
        "a\n2025 ERROR w: Traceback (most recent call last):\n\n  File\n\nKeyError: 1|next line|");
    check(&s, "a\nKeyError: no traceback\n", SPLITTER_SETTLED, "a|KeyError: no traceback|");
}

static void a_line_may_begin_with_any_character_but_a_blank(void **state)
{
    struct splitter s = {.line_max = 64};

    (void)state;
    check(&s, "a\n\u274c b\n\u00dc c\n\xff d\n", SPLITTER_SETTLED, "a|\u274c b|\u00dc c|\xff d|");
    check(&s, "a\n\x01 b\n", SPLITTER_SETTLED, "a\n\x01 b|");
}

static void a_pattern_of_its_own_begins_an_entry(void **state)
{
    struct splitter s = {.line_max = 64};
    struct regex *begins;
    struct err err;

    (void)state;
    assert_ok(regex_new(STR("^\\d+ "), false, &begins, &err), err);
    s.begins = begins;
    check(&s, "1 a\nb\n c\n2 d\n", SPLITTER_SETTLED, "1 a\nb\n c|2 d|");
    regex_free(begins);
}

static void what_is_too_long_is_cut_and_its_rest_passed_over(void **state)
{
    struct splitter s = {.line_max = 8};

    (void)state;
    check(&s, "0123456789abcdef\n of it\nthe next\n", SPLITTER_SETTLED, "01234567|the next|");
    assert_int_equal(s.cut, 1);
    check(&s, "a\n 1234567\n 1234567\n 1234567\n 1234567\n 1234567\nb b\n", SPLITTER_SETTLED,
          "a\n 1234567\n 1234567\n 1234567\n 1234567|b b|");
    assert_int_equal(s.cut, 2);
}

static void a_hole_in_front_of_a_line_is_no_part_of_it(void **state)
{
    struct splitter s = {.line_max = 8};
    struct str entry;
    size_t used;

    (void)state;
    check_bytes(&s, STR("\0\0\0\0\0\0\0\0\0\0\0\0a\nb\n\0\0c\n"), SPLITTER_SETTLED, "a|b|c|");
    check_bytes(&s, STR("a\n\0\0\0\0\0\0\0\0\0\0\0\0"), SPLITTER_MORE, "a|");
    check_bytes(&s, STR("a\n\0"), SPLITTER_SETTLED, "a|");
    assert_false(splitter_next(&s, STR("\0\0\0\0\0\0\0\0\0\0"), SPLITTER_MORE, &entry, &used));
    assert_int_equal(used, 10); /* however long it is, it is gone over */
    assert_int_equal(s.cut, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_waits_for_the_next_until_it_has_settled),
        cmocka_unit_test(tracebacks_of_every_kind_belong_to_the_line_before),
        cmocka_unit_test(a_line_may_begin_with_any_character_but_a_blank),
        cmocka_unit_test(a_pattern_of_its_own_begins_an_entry),
        cmocka_unit_test(what_is_too_long_is_cut_and_its_rest_passed_over),
        cmocka_unit_test(a_hole_in_front_of_a_line_is_no_part_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
