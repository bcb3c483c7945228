#include "base/test.h"

#include <math.h>

#include "collect/postgres/cell.h"

static void assert_cell(const char *text, unsigned type, double wanted)
{
    double v = -1;

    if (!cell_number(str_c(text), type, &v))
        fail_msg("%s is not read", text);
    if (v != wanted && !(isnan(v) && isnan(wanted)))
        fail_msg("%s is read as %.17g, not %.17g", text, v, wanted);
}

static void numbers_are_read_as_postgres_writes_them(void **state)
{
    (void)state;
    assert_cell("42", 23, 42);
    assert_cell("-9223372036854775808", 20, -9223372036854775808.0);
    assert_cell("0.30000000000000004", 701, 0.30000000000000004);
    assert_cell("1e+300", 701, 1e300);
    assert_cell("12345678901234567890.5", 1700, 12345678901234567890.5);
    assert_cell("NaN", 701, NAN);
    assert_cell("-Infinity", 701, -INFINITY);
    assert_cell("t", CELL_BOOL, 1);
    assert_cell("f", CELL_BOOL, 0);
    assert_cell("17", 25, 17);
}

static void times_become_unix_seconds(void **state)
{
    (void)state;
    assert_cell("1970-01-01 00:00:00+00", CELL_TIMESTAMPTZ, 0);
    assert_cell("2026-11-27 10:00:00.25+05:30", CELL_TIMESTAMPTZ, 1795753800.25);
    assert_cell("2026-11-27 04:30:00.25", CELL_TIMESTAMP, 1795753800.25);
    assert_cell("2024-02-29", CELL_DATE, 1709164800);
    assert_cell("infinity", CELL_TIMESTAMPTZ, INFINITY);
}

static void what_is_no_number_is_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned type;
    } bad[] = {{"", 25},
               {"idle", 25},
               {"00:00:01", CELL_INTERVAL},
               {"$1.00", 790},
               {"true", CELL_BOOL},
               {"2026-11-27 10:00:00", CELL_TIMESTAMPTZ},
               {"2026-13-01", CELL_DATE},
               {"2026-11-27x", CELL_DATE},
               {"0001-01-01 BC", CELL_DATE}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        double v;

        if (cell_number(str_c(bad[i].text), bad[i].type, &v))
            fail_msg("%s is read as %g", bad[i].text, v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_postgres_writes_them),
        cmocka_unit_test(times_become_unix_seconds),
        cmocka_unit_test(what_is_no_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
