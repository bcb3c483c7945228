/* number: numbers as text, exactly, and fast (C++17 to_chars / from_chars behind a C face).
 *
 * Three ways of printing, each the shortest text that reads back the same value, each as Go's
 * strconv.FormatFloat(v, format, -1, 64) does it, so that answers equal Prometheus' byte for byte:
 *
 *                     1e30     123456789       0.00001   where Prometheus uses it
 *   number_print      1e+30    123456789       0.00001   samples in JSON: 'f', but 'e' from 1e21
 * and below 1e-6 number_print_f    1000...  123456789       0.00001   scalars in JSON,
 * count_values, templates: 'f', never an exponent number_print_g    1e+30    1.23456789e+08  1e-05
 * exposition text: 'g'
 *
 * The others: "NaN" (any), "+Inf", "-Inf".
 */
#ifndef TEXT_NUMBER_H
#define TEXT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define NUMBER_TEXT_MAX  32
#define NUMBER_FIXED_MAX 352 /* for number_print_f: 5e-324 has 323 zeros */

#ifdef __cplusplus
extern "C" {
#endif

/* Write at most NUMBER_TEXT_MAX bytes (number_print_f: NUMBER_FIXED_MAX), no NUL; return how many.
 */
size_t number_print(double v, char *out);
size_t number_print_f(double v, char *out);
size_t number_print_g(double v, char *out);
size_t number_print_i64(int64_t v, char *out);

/* The whole of `s` as Prometheus reads sample values: decimal floats, Inf, Infinity and NaN in any
 * case, a sign before all but NaN. Hex floats, underscores and numbers past the range are refused,
 * as there; what is too small becomes 0. NaN becomes the ordinary NaN of model/sample.h. */
MUST_USE bool number_parse(struct str s, double *out);
/* [+-]digits, in range. */
MUST_USE bool number_parse_i64(struct str s, int64_t *out);

#ifdef __cplusplus
}
#endif

#endif
