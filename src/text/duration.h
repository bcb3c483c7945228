/* duration: "1h30m", in milliseconds, as Prometheus writes them (y w d h m s ms, in this order). */
#ifndef TEXT_DURATION_H
#define TEXT_DURATION_H

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

/* ERR_SYNTAX with what is wrong, ERR_LIMIT past 292 years. "0" is a duration, other bare numbers
 * are not. */
MUST_USE int duration_parse(struct str s, int64_t *out_ms, struct err *err);
/* The shortest form: 90 s is "1m30s". Into out (>= 32 bytes); returns out. */
const char *duration_print(int64_t ms, char *out);
/* For people, as mockups' rules: "8.4 s", "11 min 40 s", "2 h 46 min", "6 d 4 h". */
const char *duration_print_long(int64_t ms, char *out);
/* "20GB", "512MB", "1024": powers of 1024 (KB and KiB alike). */
MUST_USE int size_parse(struct str s, uint64_t *out_bytes, struct err *err);

#endif
