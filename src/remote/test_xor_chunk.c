#include "remote/xor_chunk.h"

#include <math.h>

#include "base/test.h"
#include "remote/read_chunk.h"

static void round_trip(const ts_ms ts[], const double values[], size_t n)
{
    SCOPED(buf_fini) struct buf chunk = {0};
    int64_t got_ts[300];
    double got[300];

    xor_chunk_write(&chunk, ts, values, n);
    for (size_t i = 0; i < 16; i++)
        buf_addc(&chunk, 0); /* the reader of the test looks a little further */
    assert_int_equal(chunk_read(buf_str(&chunk), got_ts, got), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got_ts[i], ts[i]);
        assert_memory_equal(&got[i], &values[i], sizeof *got);
    }
}

static void samples_read_back_bit_for_bit(void **state)
{
    static const ts_ms ts[] = {1600000000000, 1600000015000, 1600000030000, 1600000030001,
                               1600000038193, 1600000046386, 1600000112000, 1600000700000,
                               1700000000000, 1700000000001};
    static const double values[] = {1, 1, 2, -2.5, NAN, INFINITY, -INFINITY, 1e300, 0, -0.};

    (void)state;
    for (size_t n = 1; n <= ARRAY_LEN(ts); n++)
        round_trip(ts, values, n);
}

static void every_width_of_a_change_of_pace_reads_back(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 45; bit++)
        for (int off = -1; off <= 1; off++) {
            ts_ms pace = (INT64_C(1) << bit) + off;
            ts_ms ts[] = {-1000, -1000 + pace + 1, 0, 0};
            static const double values[] = {1, 2, 3, 4};

            ts[2] = ts[1] + 1;
            ts[3] = ts[2] + pace + 5;
            if (pace >= 0)
                round_trip(ts, values, 4);
        }
}

static void random_values_read_back(void **state)
{
    uint64_t x = 88172645463325252u;
    ts_ms ts[240];
    double values[240];

    (void)state;
    for (size_t i = 0; i < 240; i++) {
        uint64_t bits;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bits = x & (UINT64_MAX << (x % 64));
        memcpy(&values[i], &bits, sizeof bits);
        ts[i] = (i ? ts[i - 1] : -7) + 1 + (ts_ms)(x % 100000);
    }
    round_trip(ts, values, 240);
}

/* The bytes of a chunk as the format describes it, worked out by hand: 15 s apart, 1 then 1. */
static void a_chunk_has_the_bytes_that_its_format_says(void **state)
{
    static const uint8_t wanted[] = {0, 2, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0x98, 0x75, 0};
    static const ts_ms ts[] = {1000, 16000};
    static const double values[] = {1, 1};
    SCOPED(buf_fini) struct buf chunk = {0};

    (void)state;
    xor_chunk_write(&chunk, ts, values, 2);
    assert_int_equal(chunk.n, sizeof wanted);
    assert_memory_equal(chunk.p, wanted, sizeof wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_read_back_bit_for_bit),
        cmocka_unit_test(every_width_of_a_change_of_pace_reads_back),
        cmocka_unit_test(random_values_read_back),
        cmocka_unit_test(a_chunk_has_the_bytes_that_its_format_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
