/* number: numbers as text, exactly, and fast (C++17 to_chars / from_chars behind a C face). */
#ifndef TEXT_NUMBER_H
#define TEXT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define NUMBER_TEXT_MAX 32

#ifdef __cplusplus
extern "C" {
#endif

/* Writes at most NUMBER_TEXT_MAX bytes, no NUL; returns how many.
 * number_print: shortest text that reads back the same, as Go's 'f' format with -1 precision does
 * for the Prometheus API, except that exponents are used from 1e21 and below 1e-6 ('g' style is
 * number_print_g); "NaN", "+Inf", "-Inf". */
size_t number_print(double v, char *out);
size_t number_print_i64(int64_t v, char *out);

/* The whole of `s` as Prometheus reads sample values: decimal and hex floats, Inf, +Inf, -Inf, NaN
 * in any case, underscores refused. NaN becomes the ordinary NaN of model/sample.h. */
MUST_USE bool number_parse(struct str s, double *out);
MUST_USE bool number_parse_i64(struct str s, int64_t *out);

#ifdef __cplusplus
}
#endif

#endif
