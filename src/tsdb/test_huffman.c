#include "tsdb/huffman.h"

#include "base/rng.h"
#include "base/test.h"

static void codes_are_complete_and_at_most_nine_bits(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 3);
    for (int round = 0; round < 2000; round++) {
        uint32_t count[HUFFMAN_SYMBOLS] = {0};
        struct huffman h;
        struct huffman_entry table[1u << HUFFMAN_BITS_MAX];
        size_t used = 1 + (size_t)rng_below(&rng, HUFFMAN_SYMBOLS);

        /* Doubling counts want codes as long as there are symbols. */
        for (size_t i = 0; i < used; i++)
            count[(i * 7) % HUFFMAN_SYMBOLS] =
                round % 2 ? 1u << (i % 20) : 1 + (uint32_t)rng_below(&rng, 1000);
        huffman_build(count, &h);
        assert_in_range(huffman_table(h.length, table), 1, HUFFMAN_BITS_MAX);
        for (size_t s = 0; s < HUFFMAN_SYMBOLS; s++) {
            assert_int_equal(h.length[s] > 0, count[s] > 0);
            if (count[s]) {
                assert_int_equal(table[h.code[s]].symbol, s);
                assert_int_equal(table[h.code[s]].length, h.length[s]);
            }
        }
    }
}

static void lengths_that_are_no_code_are_refused(void **state)
{
    struct huffman_entry table[1u << HUFFMAN_BITS_MAX];
    uint8_t length[HUFFMAN_SYMBOLS] = {0};

    (void)state;
    assert_int_equal(huffman_table(length, table), -1);
    length[0] = length[1] = length[2] = 1; /* too many */
    assert_int_equal(huffman_table(length, table), -1);
    length[1] = length[2] = 2; /* complete */
    assert_int_equal(huffman_table(length, table), 2);
    length[2] = 3; /* too few */
    assert_int_equal(huffman_table(length, table), -1);
    length[2] = 10;
    assert_int_equal(huffman_table(length, table), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_complete_and_at_most_nine_bits),
        cmocka_unit_test(lengths_that_are_no_code_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
