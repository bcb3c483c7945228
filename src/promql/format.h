/* format: numbers as Go prints them, for texts that must be equal to Prometheus'. */
#ifndef PROMQL_FORMAT_H
#define PROMQL_FORMAT_H

#include "base/str.h"

/* 'f' with the fewest digits that read back: never an exponent. count_values' labels, literals. */
void format_fixed(struct buf *out, double v);
/* %g with the fewest digits that read back: an exponent below 1e-4 and from 1e21. Warnings. */
void format_general(struct buf *out, double v);
/* %g and %f as a text in `out`, FORMAT_TEXT_MAX bytes; returns `out`. For messages. */
#define FORMAT_TEXT_MAX 330
const char *format_g(double v, char *out);
const char *format_f(double v, char *out);
/* An OpenMetrics number: as %g, and 1 is "1.0". */
void format_openmetrics(struct buf *out, double v);

#endif
