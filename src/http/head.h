/* head: the strict check of a request's head, in one pass of ours, before llhttp sees it.
 *
 * Two programs that read the same bytes differently are how requests are smuggled past a proxy. So
 * whatever RFC 9112 leaves to taste is refused here: space before a colon, folded lines, bare LF,
 * control bytes, a missing, doubled or odd Host, an absolute target for another host, any repeated
 * or conflicting Content-Length and Transfer-Encoding, dot segments, methods that nobody serves.
 *
 * Threads: any. Errors: `status` is the answer that fits, err the words for it.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "http/server.h"

#define HEAD_BYTES_MAX   (16u << 10)
#define HEAD_HEADERS_MAX 100u

struct arena;
struct err;

struct head {
    struct str method;
    struct str path;      /* decoded */
    struct str raw_path;  /* as sent, without the query */
    struct str raw_query; /* after '?' */
    struct str host;      /* with its port; empty: HTTP/1.0 without one */

    struct http_header *headers; /* names in lower case */
    size_t headers_n;

    bool http10, keep_alive, chunked, expect_continue, has_length;
    uint64_t length; /* Content-Length */
};

enum head_end { HEAD_WHOLE, HEAD_MORE, HEAD_BAD };

/* Looks for the end of the head: *n becomes its length with the empty line. HEAD_BAD: it can never
 * become one (a bare LF, a first byte that starts no method), so that nobody waits for the rest.
 * *seen (0 at first) is where the next call goes on. */
enum head_end head_find_end(struct str in, size_t *seen, size_t *n);

/* Parses bytes[0..n), which end in the empty line and are in `a` (names become lower case in
 * place; *out borrows them). */
MUST_USE int head_parse(struct arena *a, char *bytes, size_t n, struct head *out, int *status,
                        struct err *err);

/* Value of the first header called `name` (in lower case), {NULL, 0} when absent. */
struct str head_value(const struct http_header *headers, size_t n, struct str name);
/* Is `token` (in lower case) in a comma-separated list? */
bool head_has_token(struct str list, struct str token);

/* Splits "host:port", "[::1]:80", "host": the host without brackets, the port or empty. -1: odd. */
MUST_USE int head_split_host(struct str in, struct str *host, struct str *port);
/* Undoes %XX; `plus` makes '+' a blank. -1: a '%' without two hex digits. p NULL never. */
MUST_USE int head_unescape(struct arena *a, struct str in, bool plus, struct str *out,
                           struct err *err);

#endif
