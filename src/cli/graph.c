#include "cli/graph.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"

#define SCALE_WIDTH 10 /* of the numbers at the left, with a blank */

/* One character of the picture. */
struct cell {
    uint8_t dots;   /* as Unicode counts them */
    uint8_t series; /* the last that drew here */
};

struct picture {
    struct cell *cells;
    size_t columns, rows;
    double low, high;
    int64_t start_ms, end_ms;
};

const char *graph_colour(size_t i, bool colours)
{
    static const char *const codes[] = {"\033[36m", "\033[33m", "\033[35m",
                                        "\033[32m", "\033[34m", "\033[31m"};

    return colours ? codes[i % ARRAY_LEN(codes)] : "";
}

/* Dot (x, y) of the 2 x 4 grid has a bit of its own: U+2800 plus these. */
static void set_dot(struct picture *p, size_t x, size_t y, size_t series)
{
    static const uint8_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    struct cell *c;

    if (x >= p->columns * 2 || y >= p->rows * 4)
        return;
    c = &p->cells[y / 4 * p->columns + x / 2];
    c->dots |= bits[y % 4][x % 2];
    c->series = (uint8_t)series;
}

static void find_range(const struct graph_series series[], size_t n, struct picture *p)
{
    p->low = INFINITY;
    p->high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < series[i].n; k++) {
            double v = series[i].values[k];

            if (isfinite(v)) {
                p->low = fmin(p->low, v);
                p->high = fmax(p->high, v);
            }
        }
    }
    if (p->low > p->high)
        p->low = p->high = 0;
    if (p->low == p->high) { /* a flat line in the middle */
        double half = p->low == 0 ? 1 : fabs(p->low) / 2;

        p->low -= half;
        p->high += half;
    }
}

static bool place(const struct picture *p, int64_t ts, double v, double *x, double *y)
{
    double span = (double)(p->end_ms - p->start_ms);

    if (!isfinite(v))
        return false;
    *x = span > 0 ? (double)(ts - p->start_ms) / span * (double)(p->columns * 2 - 1) : 0;
    *y = (p->high / 2 - v / 2) / (p->high / 2 - p->low / 2) * (double)(p->rows * 4 - 1);
    return *x >= 0;
}

/* A line from the point before; a gap of more than three steps stays one. */
static void draw(struct picture *p, const struct graph_series *s, size_t number)
{
    double x0 = 0, y0 = 0, x, y;
    bool have = false;
    int64_t step = s->n > 1 ? INT64_MAX : 0;

    for (size_t i = 1; i < s->n; i++)
        step = s->ts[i] - s->ts[i - 1] < step ? s->ts[i] - s->ts[i - 1] : step;
    for (size_t i = 0; i < s->n; i++) {
        size_t dots;

        if (!place(p, s->ts[i], s->values[i], &x, &y)) {
            have = false;
            continue;
        }
        if (!have || (step > 0 && s->ts[i] - s->ts[i - 1] > 3 * step)) {
            x0 = x;
            y0 = y;
        }
        dots = (size_t)fmax(fabs(x - x0), fabs(y - y0)) + 1;
        for (size_t d = 0; d <= dots; d++) {
            double part = (double)d / (double)dots;

            set_dot(p, (size_t)lround(x0 + (x - x0) * part), (size_t)lround(y0 + (y - y0) * part),
                    number);
        }
        x0 = x;
        y0 = y;
        have = true;
    }
}

/* Numbers for a scale: four digits and a letter for the power of 1000. */
static void scale_text(double v, char out[16])
{
    static const char *const letters[] = {"", "k", "M", "G", "T", "P"};
    size_t i = 0;

    while (fabs(v) >= 10000 && i + 1 < ARRAY_LEN(letters)) {
        v /= 1000;
        i++;
    }
    (void)snprintf(out, 16, "%.4g%s", v, letters[i]);
}

static void print_rows(const struct picture *p, bool colours, struct buf *out)
{
    for (size_t row = 0; row < p->rows; row++) {
        uint8_t colour = UINT8_MAX;
        char text[16] = "";

        if (row == 0 || row + 1 == p->rows || row == p->rows / 2)
            scale_text(p->high - (p->high - p->low) * (double)row / (double)(p->rows - 1), text);
        buf_addf(out, "%*s ", SCALE_WIDTH - 1, text);
        for (size_t c = 0; c < p->columns; c++) {
            const struct cell *cell = &p->cells[row * p->columns + c];
            char utf8[3] = {(char)0xe2, (char)(0xa0 | cell->dots >> 6),
                            (char)(0x80 | (cell->dots & 0x3f))};

            if (cell->dots == 0) {
                buf_addc(out, ' ');
                continue;
            }
            if (cell->series != colour)
                buf_adds(out, graph_colour(cell->series, colours));
            colour = cell->series;
            buf_add(out, (struct str){utf8, 3});
        }
        buf_adds(out, colours ? GRAPH_COLOUR_END "\n" : "\n");
    }
}

static void print_times(const struct picture *p, struct buf *out)
{
    bool days = p->end_ms - p->start_ms >= INT64_C(86400000);
    const char *form = days ? "%m-%d %H:%M" : "%H:%M:%S";
    char first[32], last[32];
    time_t start = (time_t)(p->start_ms / 1000), end = (time_t)(p->end_ms / 1000);
    struct tm tm;

    (void)strftime(first, sizeof first, form, localtime_r(&start, &tm));
    (void)strftime(last, sizeof last, form, localtime_r(&end, &tm));
    buf_addf(out, "%*s%-*s%s\n", SCALE_WIDTH, "", (int)(p->columns - strlen(last)), first, last);
}

void graph_draw(const struct graph_series series[], size_t n, int64_t start_ms, int64_t end_ms,
                size_t width, size_t height, bool colours, struct buf *out)
{
    struct picture p = {.columns = (width < 30 ? 30 : width) - SCALE_WIDTH,
                        .rows = height < 2 ? 2 : height,
                        .start_ms = start_ms,
                        .end_ms = end_ms};

    p.cells = mem_new_array(struct cell, p.columns * p.rows);
    find_range(series, n, &p);
    for (size_t i = 0; i < n; i++)
        draw(&p, &series[i], i % 255);
    print_rows(&p, colours, out);
    print_times(&p, out);
    mem_free(p.cells);
}
