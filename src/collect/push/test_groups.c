#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/push/group_body.h"
#include "collect/push/group_key.h"
#include "collect/push/groups.h"
#include "model/expo.h"

struct fixture {
    struct budget budget;
    struct arena arena, scratch;
    struct push_groups *groups;
    struct buf text;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    budget_init(&f->budget, "test", 64u << 20, NULL);
    arena_init(&f->arena, &f->budget);
    arena_init(&f->scratch, &f->budget);
    f->groups = push_groups_new(&f->budget);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    push_groups_free(f->groups);
    arena_fini(&f->arena);
    arena_fini(&f->scratch);
    buf_fini(&f->text);
    assert_int_equal(f->budget.used_bytes, 0);
    free(f);
    return 0;
}

static struct group_key key_of(struct fixture *f, const char *path)
{
    struct group_key key;

    assert_ok(group_key_read(str_c(path), &f->arena, &key, &f->err), f->err);
    return key;
}

static int push(struct fixture *f, enum groups_how how, const char *path, const char *body,
                ts_ms now)
{
    struct group_key key = key_of(f, path);
    struct group_body families;
    int rc;

    if (group_body_read(str_c(body), &key, &f->budget, &f->arena, &families, &f->err) < 0)
        return -1;
    rc = push_groups_push(f->groups, &key, &families, how, now, &f->err);
    group_body_fini(&families);
    return rc;
}

/* All that is exposed. */
static const char *text(struct fixture *f)
{
    struct expo_writer w;

    buf_reset(&f->text);
    buf_adds(&f->text, "");
    expo_writer_init(&w, EXPO_TEXT, &f->text);
    assert_ok(push_groups_emit(f->groups, &w.emit, &f->scratch, &f->err), f->err);
    buf_addc(&f->text, '\n');
    return f->text.p;
}

static void has(struct fixture *f, const char *line)
{
    if (!strstr(text(f), line))
        fail_msg("\"%s\" is not in:\n%s", line, f->text.p);
}

static void lacks(struct fixture *f, const char *line)
{
    if (strstr(text(f), line))
        fail_msg("\"%s\" is in:\n%s", line, f->text.p);
}

#define A "/metrics/job/a"

static void labels_of_the_path_win_and_instance_is_always_there(void **state)
{
    struct fixture *f = *state;

    assert_ok(push(f, GROUPS_PUT, A "/x/1", "# TYPE n counter\nn{job=\"b\",y=\"2\"} 3\n", 5000),
              f->err);
    has(f, "n{y=\"2\",instance=\"\",job=\"a\",x=\"1\"} 3\n");
    has(f, "push_time_seconds{instance=\"\",job=\"a\",x=\"1\"} 5\n");
    has(f, "push_failure_time_seconds{instance=\"\",job=\"a\",x=\"1\"} 0\n");
    assert_fails(push(f, GROUPS_PUT, A "/x/2", "n 4\n", 5000), f->err, ERR_TYPE,
                 "is unknown here and counter in another group");
}

static void put_replaces_the_group_and_post_only_the_same_names(void **state)
{
    struct fixture *f = *state;

    assert_ok(push(f, GROUPS_PUT, A, "m 1\nn 1\n", 1000), f->err);
    assert_ok(push(f, GROUPS_POST, A, "n 2\n", 2000), f->err);
    has(f, "m{instance=\"\",job=\"a\"} 1\n");
    has(f, "n{instance=\"\",job=\"a\"} 2\n");
    has(f, "push_time_seconds{instance=\"\",job=\"a\"} 2\n");
    assert_ok(push(f, GROUPS_PUT, A, "n 3\n", 3000), f->err);
    lacks(f, "m{");
    has(f, "n{instance=\"\",job=\"a\"} 3\n");
    assert_ok(push(f, GROUPS_PUT, A, "", 4000), f->err);
    lacks(f, "n{");
    has(f, "push_time_seconds{instance=\"\",job=\"a\"} 4\n");
    assert_int_equal(push_groups_count(f->groups).series, 0);
}

static void a_deleted_group_leaves_nothing_and_others_stay(void **state)
{
    struct fixture *f = *state;
    struct group_key key = key_of(f, A);

    assert_ok(push(f, GROUPS_PUT, A, "n 1\n", 1000), f->err);
    assert_ok(push(f, GROUPS_PUT, A "/x/1", "n 2\n", 1000), f->err);
    push_groups_delete(f->groups, &key);
    push_groups_delete(f->groups, &key);
    lacks(f, "{instance=\"\",job=\"a\"}");
    has(f, "n{instance=\"\",job=\"a\",x=\"1\"} 2\n");
    assert_int_equal(push_groups_count(f->groups).groups, 1);
}

static void what_is_inconsistent_is_refused_whole_and_its_time_kept(void **state)
{
    struct fixture *f = *state;

    assert_ok(push(f, GROUPS_PUT, A, "n 1\n", 1000), f->err);
    assert_fails(push(f, GROUPS_PUT, A, "n 2 1234\n", 2000), f->err, ERR_TYPE,
                 "pushed metrics must not have timestamps");
    has(f, "push_failure_time_seconds{instance=\"\",job=\"a\"} 2\n");
    assert_fails(push(f, GROUPS_PUT, A, "m 1\nn 2\nn 3\n", 3000), f->err, ERR_TYPE,
                 "is there twice");
    has(f, "n{instance=\"\",job=\"a\"} 1\n");
    lacks(f, "m{");
    has(f, "push_failure_time_seconds{instance=\"\",job=\"a\"} 3\n");
    has(f, "push_time_seconds{instance=\"\",job=\"a\"} 1\n");
    assert_ok(push(f, GROUPS_PUT, A "/instance/i", "o 1\n", 4000), f->err);
    assert_fails(push(f, GROUPS_POST, A, "o{instance=\"i\"} 1\n", 4000), f->err, ERR_TYPE,
                 "or in another group");
    assert_ok(push(f, GROUPS_PUT, A, "m 1\n", 5000), f->err); /* nothing of it stayed behind */
    assert_int_equal(push_groups_count(f->groups).series, 2);
}

static void a_body_that_is_no_text_of_metrics_is_told_with_its_line(void **state)
{
    struct fixture *f = *state;

    assert_fails(push(f, GROUPS_PUT, A, "n 1\nx y z\n", 1000), f->err, ERR_SYNTAX, "");
    assert_int_equal(f->err.at.line, 2);
    assert_fails(push(f, GROUPS_PUT, A, "{\"a.b\"} 1\n", 1000), f->err, ERR_SYNTAX,
                 "invalid metric name");
    assert_fails(push(f, GROUPS_PUT, A, "n 1\n# TYPE n counter\nn{a=\"b\"} 1\n", 1000), f->err,
                 ERR_SYNTAX, "described twice");
    assert_int_equal(push_groups_count(f->groups).groups, 0);
}

static void parts_of_a_histogram_are_of_its_family(void **state)
{
    struct fixture *f = *state;

    assert_ok(push(f, GROUPS_PUT, A,
                   "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n", 1000),
              f->err);
    assert_ok(push(f, GROUPS_POST, A,
                   "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n", 1000),
              f->err);
    has(f, "h_sum{instance=\"\",job=\"a\"} 3\n");
    assert_int_equal(push_groups_count(f->groups).series, 3);
}

static void a_group_without_a_push_for_the_ttl_goes(void **state)
{
    struct fixture *f = *state;

    assert_ok(push(f, GROUPS_PUT, A, "n 1\n", 1000), f->err);
    assert_int_equal(push_groups_expire(f->groups, 1000000, 0), 0);
    assert_int_equal(push_groups_expire(f->groups, 10999, 10000), 0);
    assert_int_equal(push_groups_expire(f->groups, 11000, 10000), 1);
    assert_int_equal(push_groups_count(f->groups).groups, 0);
    assert_int_equal(push_groups_count(f->groups).series, 0);
}

static void groups_read_as_they_were_written(void **state)
{
    SCOPED(buf_fini) struct buf bytes = {0};
    struct fixture *f = *state;
    char *before;

    assert_ok(push(f, GROUPS_PUT, A, "# HELP n Words.\n# TYPE n counter\nn{a=\"\\n\"} 1\n", 1000),
              f->err);
    assert_fails(push(f, GROUPS_PUT, A, "n 2 5\n", 2000), f->err, ERR_TYPE, "");
    before = strdup(text(f));
    push_groups_write(f->groups, &bytes);
    push_groups_free(f->groups);
    f->groups = push_groups_new(&f->budget);
    assert_ok(push_groups_read(f->groups, buf_str(&bytes), &f->err), f->err);
    assert_string_equal(text(f), before);
    free(before);
    push_groups_free(f->groups);
    f->groups = push_groups_new(&f->budget);
    bytes.n--;
    assert_fails(push_groups_read(f->groups, buf_str(&bytes), &f->err), f->err, ERR_CORRUPT,
                 "early");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(labels_of_the_path_win_and_instance_is_always_there),
        TEST(put_replaces_the_group_and_post_only_the_same_names),
        TEST(a_deleted_group_leaves_nothing_and_others_stay),
        TEST(what_is_inconsistent_is_refused_whole_and_its_time_kept),
        TEST(a_body_that_is_no_text_of_metrics_is_told_with_its_line),
        TEST(parts_of_a_histogram_are_of_its_family),
        TEST(a_group_without_a_push_for_the_ttl_goes),
        TEST(groups_read_as_they_were_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
