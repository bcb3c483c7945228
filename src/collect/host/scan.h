/* scan: the kernel's text tables, word by word, without copying.
 *
 * A line counts only when its newline is there: a cut file must not turn 1234 into 12.
 *
 * Threads: none of its own. Nothing here fails but by returning false.
 */
#ifndef COLLECT_HOST_SCAN_H
#define COLLECT_HOST_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Takes the next whole line off *text, without its newline. False at the end, and for a last line
 * without newline (then *text is not empty: scan_cut). */
bool scan_line(struct str *text, struct str *line);
static inline bool scan_cut(struct str rest)
{
    return rest.n > 0;
}

/* Takes the next word (no blank, no tab) off *line. False when there is none. */
bool scan_word(struct str *line, struct str *word);
/* Takes the next word and reads it; false too when it is not a number. */
bool scan_word_u64(struct str *line, uint64_t *out);

/* The whole of `s`: decimal digits; hexadecimal digits; a decimal with sign or 0x...; a decimal
 * fraction without exponent, up to 18 digits. False on anything else or on overflow. */
bool scan_u64(struct str s, uint64_t *out);
bool scan_hex(struct str s, uint64_t *out);
bool scan_i64(struct str s, int64_t *out);
bool scan_decimal(struct str s, double *out);

/* Is `needle` in `s`? */
bool scan_has(struct str s, const char *needle);

#endif
