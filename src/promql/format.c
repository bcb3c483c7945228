#include "promql/format.h"

#include <math.h>

#include "text/number.h"

void format_fixed(struct buf *out, double v)
{
    char text[NUMBER_FIXED_MAX];

    buf_add(out, (struct str){text, number_print_f(v, text)});
}

void format_general(struct buf *out, double v)
{
    char text[NUMBER_TEXT_MAX];

    buf_add(out, (struct str){text, number_print_g(v, text)});
}

void format_openmetrics(struct buf *out, double v)
{
    size_t before = out->n;

    format_general(out, v);
    if (isfinite(v) && !memchr(out->p + before, '.', out->n - before) &&
        !memchr(out->p + before, 'e', out->n - before))
        buf_adds(out, ".0");
}
