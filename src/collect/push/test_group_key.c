#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/push/group_key.h"

static struct arena arena;

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void reads(const char *path, const char *text)
{
    struct group_key key, again;
    struct err err;

    assert_ok(group_key_read(str_c(path), &arena, &key, &err), err);
    assert_int_equal(key.text.n, strlen(text));
    for (size_t i = 0; i < key.text.n; i++)
        assert_int_equal(key.text.p[i] == '\xff' ? '|' : key.text.p[i], text[i]);
    assert_ok(group_key_of_text(key.text, &arena, &again, &err), err);
    assert_true(str_eq(again.text, key.text));
    assert_int_equal(again.n, key.n);
}

static void refuses(const char *path, const char *words)
{
    struct group_key key;
    struct err err;

    assert_fails(group_key_read(str_c(path), &arena, &key, &err), err, ERR_SYNTAX, words);
}

static void labels_of_the_path_are_the_key_in_whatever_order(void **state)
{
    (void)state;
    reads("/metrics/job/some_job", "job|some_job|");
    reads("/metrics/job/j/instance/i", "instance|i|job|j|");
    reads("/metrics/job/j/b/1/a/2", "a|2|b|1|job|j|");
    reads("/metrics/job/j/a/2/b/1", "a|2|b|1|job|j|");
}

static void base64_gives_slashes_and_empty_values(void **state)
{
    (void)state;
    reads("/metrics/job/directory_cleaner/path@base64/L3Zhci90bXA",
          "job|directory_cleaner|path|/var/tmp|");
    reads("/metrics/job/directory_cleaner/path@base64/L3Zhci90bXA=",
          "job|directory_cleaner|path|/var/tmp|");
    reads("/metrics/job@base64/YS9i/x/1", "job|a/b|x|1|");
    reads("/metrics/job/example/first_label@base64/=/second_label/foobar",
          "first_label||job|example|second_label|foobar|");
    reads(
        "/metrics/job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C",
        "job|titan|name|\xce\xa0\xcf\x81\xce\xbf\xce\xbc\xce\xb7\xce\xb8\xce\xb5\xcf\x8d\xcf\x82|");
}

static void a_component_is_percent_decoded_by_itself(void **state)
{
    (void)state;
    reads("/metrics/job/a%2Fb/x%40base64/Yg", "job|a/b|x|b|");
    refuses("/metrics/job/a%2", "bad % in the path");
}

static void what_is_no_group_is_refused_in_plain_words(void **state)
{
    (void)state;
    refuses("/metrics/job", "job name is required");
    refuses("/metrics/job/", "job name is required");
    refuses("/metrics/job@base64/=", "job name is required");
    refuses("/metrics/job/a/x", "label \"x\" has no value");
    refuses("/metrics/job/a/x/", "written x@base64/=");
    refuses("/metrics/job/a/1x/b", "improper label name \"1x\"");
    refuses("/metrics/job/a/__x/b", "improper label name \"__x\"");
    refuses("/metrics/job/a/x@base64/a!", "invalid base64");
    refuses("/metrics/job/a/x@base64/aaaaa", "invalid base64");
    refuses("/metrics/job/a/x@base64/_w", "is not UTF-8");
    refuses("/metrics/job/a/x/1/x/2", "in the path twice");
    refuses("/metrics/jobs/a", "does not begin with /metrics/job/NAME");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_of_the_path_are_the_key_in_whatever_order),
        cmocka_unit_test(base64_gives_slashes_and_empty_values),
        cmocka_unit_test(a_component_is_percent_decoded_by_itself),
        cmocka_unit_test(what_is_no_group_is_refused_in_plain_words),
    };

    arena_init(&arena, NULL);
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
