/* json: a streaming writer of our own for answers; reading is jansson's, bounded.
 *
 * The writer puts text straight into a struct buf and keeps track of commas; nesting is not
 * checked beyond an assert. Strings are escaped as JSON (RFC 8259); bytes that are not UTF-8
 * become U+FFFD. (No name here may be one of jansson's: json_object, json_array, json_null.)
 */
#ifndef TEXT_JSON_H
#define TEXT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;
struct json_t; /* jansson's */

#define JSON_DEPTH_MAX 64

struct json_writer {
    struct buf *out;
    uint64_t has_items; /* bit a level: a comma is due */
    unsigned depth;
    bool after_key;
};

void json_begin(struct json_writer *w, struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key); /* escaped */
void json_str(struct json_writer *w, struct str s);
void json_cstr(struct json_writer *w, const char *s);
void json_i64(struct json_writer *w, int64_t v);
void json_double(struct json_writer *w, double v); /* a number; NaN and Inf become null */
void json_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
/* Text that is JSON already. */
void json_raw(struct json_writer *w, struct str text);

/* Escapes without quotes; for pieces of strings. */
void json_escape(struct buf *out, struct str s);

/* How many values a text holds at most, if it is JSON: they decide what reading it takes. */
size_t json_count_values(struct str text);
/* Reads a whole text: depth <= JSON_DEPTH_MAX, duplicate keys refused; \u0000 becomes U+FFFD, and
 * an integer past 64 bits a real. json_decref it. */
MUST_USE int json_read(struct str text, struct json_t **out, struct err *err);
/* The same of what others wrote into an answer of ours, as lines of logs: strings may hold NUL, and
 * of two values of a name the last counts. */
MUST_USE int json_read_foreign(struct str text, struct json_t **out, struct err *err);

#endif
