#include "tsdb/block.h"

#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/source.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/block_fixture.h"
#include "tsdb/cache.h"

static struct err err;

static void random_data_comes_back_bit_for_bit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct block_fixture f;

        block_fixture_init(&f, seed, 1 + seed * 20, 1 + seed % 5, seed * 37 % 5000 + 1);
        block_fixture_write(&f, 1, false);
        block_fixture_check(&f, f.block, INT64_MIN, INT64_MAX);
        block_fixture_check(&f, f.block, f.mint + (f.maxt - f.mint) / 3,
                            f.maxt - (f.maxt - f.mint) / 3);
        assert_ok(block_verify(f.block, &err), err);
        block_fixture_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_data_comes_back_bit_for_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
