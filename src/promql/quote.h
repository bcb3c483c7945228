/* quote: texts as Go's %q prints them, for messages and for printed queries. */
#ifndef PROMQL_QUOTE_H
#define PROMQL_QUOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The rune `s` (not empty) starts with and its length; of what is no UTF-8 one byte, U+FFFD. */
uint32_t quote_rune(struct str s, size_t *bytes);
void quote_append(struct buf *out, struct str s);

#endif
