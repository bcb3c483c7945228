#include "remote/read_request.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "model/matcher.h"
#include "remote/build_read.h"

struct fixture {
    struct arena a;
    struct buf message, query, block;
    struct read_request r;
    struct err err;
};

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    arena_init(&f.a, NULL);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    read_request_fini(&f->r);
    arena_fini(&f->a);
    buf_fini(&f->message);
    buf_fini(&f->query);
    buf_fini(&f->block);
    return 0;
}

static int decode(struct fixture *f)
{
    read_request_fini(&f->r);
    build_block(buf_str(&f->message), &f->block);
    return read_request_decode(buf_str(&f->block), &f->a, &f->r, &f->err);
}

static void add_query(struct fixture *f, int64_t start, int64_t end)
{
    build_varint(&f->query, 1, start);
    build_varint(&f->query, 2, end);
    build_bytes(&f->message, 1, buf_str(&f->query));
    buf_reset(&f->query);
}

static void queries_have_times_and_matchers(void **state)
{
    struct fixture *f = *state;

    build_matcher(&f->query, 0, "__name__", "up");
    build_matcher(&f->query, 3, "job", "a|b");
    add_query(f, -5, 1000);
    add_query(f, INT64_MIN, INT64_MAX);
    assert_ok(decode(f), f->err);
    assert_int_equal(f->r.n, 2);
    assert_int_equal(f->r.queries[0].mint, -5);
    assert_int_equal(f->r.queries[0].maxt, 1000);
    assert_int_equal(f->r.queries[0].n, 2);
    assert_true(matcher_matches(&f->r.queries[0].matchers[0], STR("up")));
    assert_false(matcher_matches(&f->r.queries[0].matchers[1], STR("b")));
    assert_int_equal(f->r.queries[1].mint, -TS_MS_MAX);
    assert_int_equal(f->r.queries[1].maxt, TS_MS_MAX);
    assert_false(f->r.chunks);
}

static void the_first_type_that_is_known_is_the_answers(void **state)
{
    struct fixture *f = *state;

    build_varint(&f->message, 2, 7);
    build_varint(&f->message, 2, 1);
    build_varint(&f->message, 2, 0);
    assert_ok(decode(f), f->err);
    assert_true(f->r.chunks);
    buf_reset(&f->message);
    build_bytes(&f->message, 2, (struct str){"\x00\x01", 2}); /* packed */
    assert_ok(decode(f), f->err);
    assert_false(f->r.chunks);
    buf_reset(&f->message);
    build_varint(&f->message, 2, 9);
    assert_fails(decode(f), f->err, ERR_SYNTAX, "requested response types");
}

static void a_matcher_that_means_nothing_is_refused(void **state)
{
    static const struct {
        int type;
        const char *name, *value, *why;
    } cases[] = {
        {4, "a", "b", "invalid matcher type 4"},
        {-1, "a", "b", "invalid matcher type"},
        {0, "", "b", "no name"},
        {0, "a", "\xff", "not in UTF-8"},
        {2, "a", "(", "missing )"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_reset(&f->message);
        build_matcher(&f->query, cases[i].type, cases[i].name, cases[i].value);
        add_query(f, 0, 1);
        assert_fails(decode(f), f->err, ERR_SYNTAX, cases[i].why);
    }
}

static void there_is_a_bound_to_queries_and_matchers(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i <= READ_REQUEST_QUERIES_MAX; i++)
        add_query(f, 0, 1);
    assert_fails(decode(f), f->err, ERR_LIMIT, "more than 1000 queries");
    buf_reset(&f->message);
    for (unsigned i = 0; i <= READ_REQUEST_MATCHERS_MAX; i++)
        build_matcher(&f->query, 0, "a", "b");
    add_query(f, 0, 1);
    assert_fails(decode(f), f->err, ERR_LIMIT, "more than 1000 matchers");
}

static void bytes_cut_short_are_no_request(void **state)
{
    struct fixture *f = *state;

    build_matcher(&f->query, 0, "a", "b");
    add_query(f, 0, 1);
    for (size_t n = f->message.n - 1; n > 0; n--) {
        f->message.n = n;
        assert_fails(decode(f), f->err, ERR_SYNTAX, "cannot be read");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queries_have_times_and_matchers),
        TEST(the_first_type_that_is_known_is_the_answers),
        TEST(a_matcher_that_means_nothing_is_refused),
        TEST(there_is_a_bound_to_queries_and_matchers),
        TEST(bytes_cut_short_are_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
