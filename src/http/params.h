/* params: the decoder behind http_params (see http/server.h), apart so that it can be fuzzed.
 * Threads: that of the arena. */
#ifndef HTTP_PARAMS_H
#define HTTP_PARAMS_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"
#include "http/server.h"

struct err;

/* Appends the pairs of `text` ("a=1&b=%20") to a list in `a`. */
MUST_USE int params_decode(struct arena *a, struct str text, struct http_param **list, size_t *n,
                           size_t *cap, struct err *err);

#endif
