/* date: parts of a time in UTC, by Howard Hinnant's days_from_civil and its inverse
 * (https://howardhinnant.github.io/date_algorithms.html): no tables, any year. */
#include <math.h>

#include "base/err.h"
#include "promql/functions/calls.h"

struct civil {
    int64_t year;
    int month, day;     /* 1-based */
    int weekday;        /* 0: Sunday */
    int64_t day_number; /* since 1970-01-01 */
    int64_t second;     /* of the day */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t days_from_civil(int64_t y, int m, int d)
{
    int64_t era, year_of_era, day_of_year;

    y -= m <= 2;
    era = floor_div(y, 400);
    year_of_era = y - era * 400;
    day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static struct civil civil_of(int64_t seconds)
{
    struct civil c = {.day_number = floor_div(seconds, 86400)};
    int64_t z = c.day_number + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c.year = yoe + era * 400 + (c.month <= 2);
    c.weekday = (int)(((c.day_number + 4) % 7 + 7) % 7);
    c.second = seconds - c.day_number * 86400;
    return c;
}

static double part_of(enum function_id id, double v)
{
    struct civil c;
    int64_t part;

    /* What no integer can hold is the last second of all, as Go's conversion on amd64 has it. */
    c = civil_of(v > -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MAX);
    switch (id) {
    case FN_day_of_month:
        return c.day;
    case FN_day_of_week:
        return c.weekday;
    case FN_day_of_year:
        return (double)(c.day_number - days_from_civil(c.year, 1, 1) + 1);
    case FN_days_in_month:
        return (double)((c.month == 12 ? days_from_civil(c.year + 1, 1, 1)
                                       : days_from_civil(c.year, c.month + 1, 1)) -
                        days_from_civil(c.year, c.month, 1));
    case FN_hour:
        part = c.second / 3600;
        break;
    case FN_minute:
        part = c.second / 60 % 60;
        break;
    case FN_month:
        return c.month;
    default:
        part = c.year;
    }
    return (double)part;
}

static void apply_date(const void *arg, const struct grid *grid, double *column)
{
    enum function_id id = *(const enum function_id *)arg;

    for (size_t i = 0; i < grid->n; i++)
        if (!is_absent(column[i]))
            column[i] = part_of(id, column[i]);
}

/* vector(time()) */
static int now_vector(struct eval *ev, const struct grid *grid, struct stream **out,
                      struct err *err)
{
    SCOPED(matrix_fini) struct matrix m = {0};
    double *column;

    matrix_init(&m, ev, grid);
    if (matrix_add(&m, &labels_empty, false, &column, err) < 0)
        return -1;
    for (size_t i = 0; i < grid->n; i++) {
        int64_t seconds = grid_at(grid, i) / 1000;

        column[i] = (double)seconds;
    }
    return matrix_stream(&m, out, err);
}

int call_date(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
              struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;

    if (e->call.args_n == 0) {
        if (now_vector(ev, grid, &s, err) < 0)
            return -1;
    } else if (eval_vector(ev, grid, e->call.args[0], &s, err) < 0 ||
               stream_drop_names(&s, false, err) < 0) {
        return -1;
    }
    if (stream_map(&s, apply_date, &e->call.function->id, err) < 0)
        return -1;
    *out = take(s);
    return 0;
}
