/* graph: lines over time, drawn in braille: each character is a grid of 2 x 4 dots. */
#ifndef CLI_GRAPH_H
#define CLI_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

struct graph_series {
    const int64_t *ts; /* [n], milliseconds, ascending */
    const double *values;
    size_t n;
};

/* Draws into `width` columns (at least 30) and `height` rows, with a scale at the left and times
 * below. Series that are not numbers anywhere leave no dot. `colours`: ANSI, one a series, six in
 * turn; GRAPH_COLOURS says which for a legend. */
void graph_draw(const struct graph_series series[], size_t n, int64_t start_ms, int64_t end_ms,
                size_t width, size_t height, bool colours, struct buf *out);

/* The escape sequence of series i, "" without colours. */
const char *graph_colour(size_t i, bool colours);
#define GRAPH_COLOUR_END "\033[0m"

#endif
