/* base64: RFC 4648, either alphabet, with or without padding. */
#ifndef TEXT_BASE64_H
#define TEXT_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum base64_alphabet { BASE64_STANDARD, BASE64_URL };

/* Into out[0..in.n), *n bytes of it. False: it is no base64. */
bool base64_decode(enum base64_alphabet alphabet, struct str in, char *out, size_t *n);

#endif
