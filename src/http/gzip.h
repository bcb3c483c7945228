/* gzip: streams by zlib, their memory from an arena: answers out, request bodies in.
 *
 * Both work in slices, so that neither a large body nor a bomb holds the loop.
 * Threads: the arena's.
 */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct gzip_out;
struct gzip_in;

enum gzip_flush { GZIP_MORE, GZIP_FLUSH, GZIP_END };

/* `size_hint`: bytes to come, to size the window by; 0: unknown. */
MUST_USE int gzip_out_new(struct arena *a, size_t size_hint, struct gzip_out **out,
                          struct err *err);
/* Takes from *in, writes *n bytes to buf. True: all of *in is taken, and what `flush` asks for is
 * out; else call again with more room. */
bool gzip_out_run(struct gzip_out *g, struct str *in, enum gzip_flush flush, char *buf, size_t cap,
                  size_t *n);

enum gzip_step { GZIP_GOES_ON, GZIP_WHOLE, GZIP_TOO_LARGE, GZIP_FAILED };

/* `in` stays until the end. */
MUST_USE int gzip_in_new(struct arena *a, struct str in, size_t bytes_max, struct gzip_in **out,
                         struct err *err);
/* Decodes up to `slice` bytes more. GZIP_WHOLE: *body is all of it, in the arena. GZIP_TOO_LARGE:
 * there are more than bytes_max. GZIP_FAILED: err says why. */
enum gzip_step gzip_in_run(struct gzip_in *g, size_t slice, struct str *body, struct err *err);

#endif
