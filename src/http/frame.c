#include "http/frame.h"

#include <llhttp.h>
#include <string.h>

#include "base/err.h"

/* Chunk sizes may be written with any number of zeros; nobody needs more than this between two
 * bytes of body. */
#define IDLE_BYTES_MAX 64

_Static_assert(sizeof(llhttp_t) <= FRAME_PARSER_BYTES, "the parser fits");
_Static_assert(_Alignof(llhttp_t) <= 16, "the parser is aligned");

static llhttp_t *parser_of(struct frame *f)
{
    return (llhttp_t *)(void *)f->parser;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    struct frame *f = p->data;

    f->had_body |= n > 0;
    if (f->on_body && f->on_body(f->arg, (struct str){at, n}, f->err) < 0) {
        f->failed = true;
        return HPE_USER;
    }
    return 0;
}

static int on_headers_complete(llhttp_t *p)
{
    struct frame *f = p->data;

    f->headed = true;
    p->upgrade = 0; /* we never switch protocols, so what follows is HTTP */
    return 0;
}

static int on_message_complete(llhttp_t *p)
{
    struct frame *f = p->data;

    f->whole = true;
    return HPE_PAUSED;
}

/* Behind the head, a header is a trailer. */
static int on_header_field(llhttp_t *p, const char *at, size_t n)
{
    struct frame *f = p->data;

    (void)at;
    (void)n;
    f->odd |= f->headed;
    return f->odd ? HPE_USER : 0;
}

static int on_extension(llhttp_t *p, const char *at, size_t n)
{
    struct frame *f = p->data;

    (void)at;
    (void)n;
    f->odd = true;
    return HPE_USER;
}

static const llhttp_settings_t *settings(void)
{
    static const llhttp_settings_t s = {
        .on_body = on_body,
        .on_headers_complete = on_headers_complete,
        .on_message_complete = on_message_complete,
        .on_header_field = on_header_field,
        .on_chunk_extension_name = on_extension,
        .on_chunk_extension_value = on_extension,
    };

    return &s;
}

static int execute(struct frame *f, struct str in, size_t *used, struct err *err)
{
    llhttp_t *p = parser_of(f);
    llhttp_errno_t rc;

    f->err = err;
    rc = llhttp_execute(p, in.p, in.n);
    if (rc == HPE_OK) {
        *used = in.n;
        return 0;
    }
    if (rc == HPE_PAUSED && f->whole) {
        *used = (size_t)(llhttp_get_error_pos(p) - in.p);
        return 0;
    }
    if (f->failed)
        return -1; /* on_body has said why */
    return err_set(err, ERR_SYNTAX, "%s",
                   f->odd      ? "chunk extensions and trailers are not taken"
                   : f->headed ? "the body is not framed as HTTP/1.1 chunks"
                               : "the head is not HTTP/1.1");
}

int frame_start(struct frame *f, struct str head, bool chunked, uint64_t length, struct err *err)
{
    llhttp_t *p = parser_of(f);
    size_t used = 0;

    f->idle_bytes = 0;
    f->had_body = f->headed = f->whole = f->failed = f->odd = false;
    llhttp_init(p, HTTP_REQUEST, settings());
    p->data = f;
    if (execute(f, head, &used, err) < 0)
        return -1;
    if (!f->headed || used != head.n || !!(p->flags & F_CHUNKED) != chunked ||
        f->whole != (!chunked && length == 0) || (!f->whole && p->content_length != length))
        return err_set(err, ERR_SYNTAX, "the head can be read in two ways");
    return 0;
}

int frame_feed(struct frame *f, struct str in, size_t *used, struct err *err)
{
    f->had_body = false;
    if (execute(f, in, used, err) < 0)
        return -1;
    f->idle_bytes = f->had_body ? 0 : f->idle_bytes + *used;
    if (f->idle_bytes > IDLE_BYTES_MAX)
        return err_set(err, ERR_SYNTAX, "the body is not framed as HTTP/1.1 chunks");
    return 0;
}
