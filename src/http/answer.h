/* answer: reads what a peer answers to a GET, by llhttp, in pieces as they come.
 *
 * Of the head it keeps what a scrape needs. A coded body (gzip) is not undone and a redirect is not
 * followed where that is wanted: ANSWER_UNUSUAL says so before anything of the body is read.
 *
 * Threads: one at a time. Format: RFC 9112, HTTP/1.0 answers too; llhttp is strict.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct intake;

#define ANSWER_PARSER_BYTES 128
#define ANSWER_HEAD_MAX     (64u << 10) /* as many bytes without a byte of body are no answer */

struct answer {
    _Alignas(16) unsigned char parser[ANSWER_PARSER_BYTES]; /* an llhttp_t */
    struct intake *body;                                    /* borrowed; where the body goes */
    int status;
    char type[256]; /* Content-Type; "" when absent or longer */
    char name[24];  /* of the header that is read */
    char value[256];
    size_t name_n, value_n; /* past the sizes: too long for any that is looked at */
    size_t expected;        /* Content-Length; 0: not known */
    size_t idle_bytes;      /* since the last byte of body */
    bool follows, headed, coded, moved, whole, keeps, refused, had_body;
};

/* follows: an answer that points elsewhere is not wanted. */
void answer_init(struct answer *a, struct intake *body, bool follows);

enum answer_end {
    ANSWER_MORE,
    ANSWER_WHOLE,   /* a->keeps: the connection may be used again */
    ANSWER_UNUSUAL, /* coded, or moved to another place */
    ANSWER_ODD,     /* it is not HTTP */
    ANSWER_ENDLESS, /* its head or its framing is */
    ANSWER_REFUSED, /* the intake's flags say why */
};
enum answer_end answer_feed(struct answer *a, struct str bytes);
/* The peer has sent all it will. True: that makes the answer whole. */
MUST_USE bool answer_finish(struct answer *a);
/* How many bytes are certain to be body, as they come; 0: not known. */
size_t answer_plain_bytes(const struct answer *a);

#endif
