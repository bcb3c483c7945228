#include "base/test.h"

#include <math.h>

#include "base/str.h"
#include "cli/graph.h"

static const int64_t ts[] = {0, 1000, 2000, 3000, 4000};

static void draw(const double *values, size_t n, struct buf *out)
{
    struct graph_series s = {ts, values, n};

    buf_init(out, 0);
    graph_draw(&s, 1, 0, 4000, 30, 4, false, out);
}

/* Dots of row `row`, columns 10 on, as the braille bytes. */
static const char *row_of(const struct buf *out, size_t row)
{
    const char *p = out->p;

    while (row-- > 0)
        p = strchr(p, '\n') + 1;
    return p + 10;
}

static void a_rising_line_goes_from_bottom_left_to_top_right(void **state)
{
    static const double values[] = {0, 1, 2, 3, 4};
    struct buf out;

    (void)state;
    draw(values, 5, &out);
    assert_memory_equal(out.p, "        4 ", 10);
    assert_memory_equal(row_of(&out, 3) - 10, "        0 ", 10);
    assert_memory_equal(row_of(&out, 3), "\xe2\xa3", 2);
    assert_memory_equal(row_of(&out, 0), "               ", 15);
    buf_fini(&out);
}

static void a_flat_line_is_in_the_middle(void **state)
{
    static const double values[] = {5, 5, 5, 5, 5};
    struct buf out;

    (void)state;
    draw(values, 5, &out);
    assert_memory_equal(row_of(&out, 0), "                    \n", 21);
    assert_memory_equal(row_of(&out, 3), "                    \n", 21);
    assert_true(strstr(out.p, "7.5") != NULL);
    buf_fini(&out);
}

static void what_is_no_number_leaves_no_dot(void **state)
{
    const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, (double)NAN,
                             (double)NAN};
    struct buf out;

    (void)state;
    draw(values, 5, &out);
    for (size_t i = 0; i < 4; i++)
        assert_memory_equal(row_of(&out, i), "                    \n", 21);
    buf_fini(&out);
    draw(values, 0, &out);
    assert_memory_equal(row_of(&out, 0), "                    \n", 21);
    buf_fini(&out);
}

static void the_widest_range_fits(void **state)
{
    static const double values[] = {-1.7976931348623157e308, 1.7976931348623157e308, 0, 5e-324, 1};
    struct buf out;

    (void)state;
    draw(values, 5, &out);
    assert_int_not_equal(row_of(&out, 0)[0], '\0');
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rising_line_goes_from_bottom_left_to_top_right),
        cmocka_unit_test(a_flat_line_is_in_the_middle),
        cmocka_unit_test(what_is_no_number_leaves_no_dot),
        cmocka_unit_test(the_widest_range_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
