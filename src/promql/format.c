#include "promql/format.h"

#include <math.h>
#include <stdio.h>

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

const char *format_g(double v, char *out)
{
    out[number_print_g(v, out)] = '\0';
    return out;
}

const char *format_f(double v, char *out)
{
    if (!isfinite(v))
        return format_g(v, out);
    (void)snprintf(out, FORMAT_TEXT_MAX, "%f", v);
    return out;
}

void format_openmetrics(struct buf *out, double v)
{
    size_t before = out->n;

    format_general(out, v);
    if (isfinite(v) && !memchr(out->p + before, '.', out->n - before) &&
        !memchr(out->p + before, 'e', out->n - before))
        buf_adds(out, ".0");
}
