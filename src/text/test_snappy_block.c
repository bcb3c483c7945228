#include "text/snappy_block.h"

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/test.h"

static void fill(struct buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addc(out, (char)(i % 251 + i / 1000));
}

static void pieces_one_behind_the_other_are_one_block(void **state)
{
    SCOPED(buf_fini) struct buf wanted = {0}, block = {0}, body = {0};
    SCOPED(arena_fini) struct arena a;
    struct snappy_writer w;
    struct str got;
    struct err err;
    size_t size;

    (void)state;
    arena_init(&a, NULL);
    fill(&body, 3 * SNAPPY_PIECE_BYTES + 17);
    buf_adds(&wanted, "head");
    buf_add(&wanted, buf_str(&body));
    snappy_writer_init(&w, 0);
    for (size_t at = 0; at < body.n; at += 1000)
        snappy_writer_add(&w, str_take(str_skip(buf_str(&body), at), 1000));
    snappy_writer_flush(&w);
    assert_int_equal(w.raw_bytes, body.n);
    assert_true(w.out.n < body.n / 2);
    put_uvarint(&block, wanted.n);
    snappy_put_literal(&block, STR("head"));
    buf_add(&block, buf_str(&w.out));
    snappy_writer_fini(&w);
    assert_ok(snappy_block_size(buf_str(&block), wanted.n, "", &size, &err), err);
    assert_int_equal(size, wanted.n);
    assert_ok(snappy_block_read(buf_str(&block), size, &a, &got, &err), err);
    assert_true(str_eq(got, buf_str(&wanted)));
    assert_fails(snappy_block_size(buf_str(&block), wanted.n - 1, "send less", &size, &err), err,
                 ERR_LIMIT, "are taken: send less");
    block.n--;
    assert_fails(snappy_block_read(buf_str(&block), size, &a, &got, &err), err, ERR_SYNTAX,
                 "damaged");
}

static void a_block_that_claims_too_much_or_is_damaged_is_refused(void **state)
{
    SCOPED(arena_fini) struct arena a;
    struct str got;
    struct err err;
    size_t size;

    (void)state;
    arena_init(&a, NULL);
    assert_fails(snappy_block_size(STR("\xff\xff\xff\x0f"
                                       "abc"),
                                   1u << 30, "", &size, &err),
                 err, ERR_SYNTAX, "claims to hold");
    assert_fails(snappy_block_read(STR("\x05\x0c"
                                       "ab"),
                                   5, &a, &got, &err),
                 err, ERR_SYNTAX, "damaged");
    assert_fails(snappy_block_size(STR("\xff\xff\xff\xff\xff\xff"), 100, "", &size, &err), err,
                 ERR_SYNTAX, "block format");
    assert_fails(snappy_block_size(STR(""), 100, "", &size, &err), err, ERR_SYNTAX, "block format");
}

static void a_writer_past_its_bound_says_so(void **state)
{
    SCOPED(buf_fini) struct buf body = {0};
    struct snappy_writer w;

    (void)state;
    for (uint32_t i = 1, x = 1; i < SNAPPY_PIECE_BYTES; i++, x = x * 1664525 + 1013904223)
        buf_addc(&body, (char)(x >> 24));
    snappy_writer_init(&w, 1000);
    snappy_writer_add(&w, buf_str(&body));
    snappy_writer_flush(&w);
    assert_true(w.out.overflowed);
    snappy_writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_one_behind_the_other_are_one_block),
        cmocka_unit_test(a_block_that_claims_too_much_or_is_damaged_is_refused),
        cmocka_unit_test(a_writer_past_its_bound_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
