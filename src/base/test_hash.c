#include "base/hash.h"

#include "base/rng.h"
#include "base/test.h"

/* The check values of RFC 3720, B.4. */
static void crc32c_gives_the_values_of_the_rfc(void **state)
{
    unsigned char zeros[32] = {0}, ones[32], rising[32];

    (void)state;
    memset(ones, 0xff, sizeof ones);
    for (size_t i = 0; i < sizeof rising; i++)
        rising[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aau);
    assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43u);
    assert_int_equal(crc32c(0, rising, 32), 0x46dd794eu);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
}

static void both_ways_agree_at_every_length_and_split(void **state)
{
    unsigned char bytes[97];
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)rng_next(&rng);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        uint32_t whole = crc32c(0, bytes, n);

        assert_int_equal(whole, crc32c_portable(0, bytes, n));
        for (size_t k = 0; k <= n; k += 7)
            assert_int_equal(whole, crc32c(crc32c(0, bytes, k), bytes + k, n - k));
    }
}

static void the_long_hash_tells_apart_what_differs_in_one_bit(void **state)
{
    struct hash128 a = hash_bytes128("series", 6), b = hash_bytes128("serier", 6);

    (void)state;
    assert_true(a.low != b.low && a.high != b.high);
    b = hash_bytes128("series", 6);
    assert_true(a.low == b.low && a.high == b.high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_values_of_the_rfc),
        cmocka_unit_test(the_long_hash_tells_apart_what_differs_in_one_bit),
        cmocka_unit_test(both_ways_agree_at_every_length_and_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
