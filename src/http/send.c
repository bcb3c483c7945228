/* send: the socket pulls: bytes are made when those before are gone.
 *
 *     body or generator -> (gzip) -> (chunk) -> x->piece --+
 *     heads, small answers -----------------> c->out ------+--> one sendmsg
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/conn.h"

#define PIECE_BYTES   (64u << 10)
#define CHUNK_HEAD    16 /* room before a piece for its size */
#define CHUNK_TAIL    16 /* and behind it for CR LF, and the last chunk */
#define WRITE_MAX     (1u << 20)
#define ROUNDS        4 /* pieces in one turn of the loop, so that others get theirs */
#define SPARE_OUT_MAX (64u << 10)

void send_lend_out(struct conn *c)
{
    struct buf *spare = &c->s->spare_out;

    if (c->out.p || !spare->p)
        return;
    c->out = *spare;
    buf_init(spare, 0);
}

static void return_out(struct conn *c)
{
    struct buf *spare = &c->s->spare_out;

    c->out_at = 0;
    if (!c->out.p)
        return;
    buf_reset(&c->out);
    if (spare->p || c->out.cap > SPARE_OUT_MAX) {
        buf_fini(&c->out);
        return;
    }
    *spare = c->out;
    buf_init(&c->out, 0);
}

/* Sends c->out and the exchange's piece until both are gone or the socket is full. */
static enum send_result flush(struct conn *c)
{
    for (;;) {
        struct str *piece = c->x ? &c->x->piece : NULL;
        struct iovec parts[2];
        size_t n = 0, head = c->out.n - c->out_at, whole = head, sent;
        ssize_t rc;

        if (head)
            parts[n++] = (struct iovec){c->out.p + c->out_at, head};
        if (piece && piece->n) {
            size_t part = piece->n < WRITE_MAX ? piece->n : WRITE_MAX;

            parts[n++] = (struct iovec){(char *)piece->p, part};
            whole += part;
        }
        if (!n) {
            return_out(c);
            return SEND_DONE;
        }
        rc = sock_write(c->fd, parts, n);
        if (rc < 0 && errno == EAGAIN)
            return SEND_BLOCKED;
        if (rc < 0) {
            conn_close(c);
            return SEND_CLOSED;
        }
        sent = (size_t)rc;
        c->s->stats.bytes_out += sent;
        if (c->list == LIST_STALLED)
            conn_list_move(c, LIST_STALLED); /* it moves: another 60 s */
        c->out_at += sent < head ? sent : head;
        if (piece && sent > head)
            *piece = str_skip(*piece, sent - head);
        if (sent < whole)
            return SEND_BLOCKED;
    }
}

/* Asks the generator for its next bytes. */
static enum http_more ask_body(struct exchange *x, char *buf, size_t cap, size_t *n)
{
    enum http_more more;

    *n = 0;
    x->woken = false;
    more = x->gen->next(x->gen, buf, cap, n);
    assert(*n <= cap);
    if (more == HTTP_WAIT && x->gen->endless && x->conn->s->draining)
        return HTTP_LAST;
    return more == HTTP_MORE && *n == 0 ? HTTP_BREAK : more;
}

/* The next part of a body in bytes, without copying it. */
static enum http_more take_bytes(struct exchange *x, struct str *part)
{
    *part = str_take(x->bytes, PIECE_BYTES);
    x->bytes = str_skip(x->bytes, part->n);
    return x->bytes.n ? HTTP_MORE : HTTP_LAST;
}

/* Through gzip. False: the body broke. */
static bool make_zipped(struct exchange *x, char *at, size_t *n)
{
    if (!x->zip_busy) {
        enum http_more more =
            x->gen ? ask_body(x, x->zip_buf, PIECE_BYTES, &x->zip_in.n) : take_bytes(x, &x->zip_in);

        if (more == HTTP_BREAK)
            return false;
        if (x->gen)
            x->zip_in.p = x->zip_buf;
        x->zip_mode = more == HTTP_LAST ? GZIP_END : more == HTTP_WAIT ? GZIP_FLUSH : GZIP_MORE;
        x->zip_busy = true;
    }
    if (gzip_out_run(x->zip, &x->zip_in, x->zip_mode, at, PIECE_BYTES, n)) {
        x->zip_busy = false;
        x->last = x->zip_mode == GZIP_END;
        x->waiting = x->zip_mode == GZIP_FLUSH;
    }
    return true;
}

static bool make_plain(struct exchange *x, char *at, size_t *n)
{
    enum http_more more = ask_body(x, at, PIECE_BYTES, n);

    x->last = more == HTTP_LAST;
    x->waiting = more == HTTP_WAIT;
    return more != HTTP_BREAK;
}

/* Bytes of the next piece. False: the body broke. */
static bool make_bytes(struct exchange *x)
{
    char *at = x->buf + CHUNK_HEAD;
    size_t n;

    x->waiting = false;
    if (!(x->zip ? make_zipped(x, at, &n) : make_plain(x, at, &n)))
        return false;
    x->piece = (struct str){at, n};
    return true;
}

/* Makes a chunk of the piece, which lies behind CHUNK_HEAD bytes of room. */
static void make_chunk(struct exchange *x)
{
    char *at = x->buf + CHUNK_HEAD;
    size_t n = x->piece.n;

    if (n) {
        char size[CHUNK_HEAD];
        int digits = snprintf(size, sizeof size, "%zx\r\n", n);

        memcpy(at - digits, size, (size_t)digits);
        memcpy(at + n, "\r\n", 2);
        x->piece = (struct str){at - digits, n + (size_t)digits + 2};
    }
    if (x->last) {
        memcpy((char *)x->piece.p + x->piece.n, "0\r\n\r\n", 5);
        x->piece.n += 5;
    }
}

/* Makes the next piece. False: the body broke, the connection has to be cut. */
static bool make_piece(struct exchange *x)
{
    if (!make_bytes(x))
        return false;
    if (x->chunked)
        make_chunk(x);
    return true;
}

enum send_first send_first_piece(struct exchange *x)
{
    if (!make_bytes(x))
        return FIRST_BROKE;
    if (x->last) {
        x->chunked = false;
        return FIRST_IS_ALL;
    }
    if (x->chunked)
        make_chunk(x);
    return FIRST_OF_MORE;
}

void send_end_exchange(struct conn *c)
{
    struct exchange *x = take(c->x);

    x->conn = NULL;
    x->holds++; /* closing its body may release it */
    if (x->gen)
        x->gen->close(take(x->gen));
    http_release(&x->r);
}

/* A broken body must not look whole: where its end is the connection's, that has to be a reset. */
static enum send_result break_off(struct conn *c)
{
    if (!c->x->chunked)
        sock_reset_on_close(c->fd);
    conn_close(c);
    return SEND_CLOSED;
}

enum send_result send_run(struct conn *c)
{
    for (int round = 0;; round++) {
        enum send_result sent = flush(c);
        struct exchange *x = c->x;

        if (sent != SEND_DONE)
            return sent;
        if (!x || !x->answered)
            return SEND_DONE;
        if (x->last) {
            send_end_exchange(c);
            return SEND_DONE;
        }
        if (x->waiting && !x->woken)
            return SEND_WAITS;
        if (round == (x->zip ? 1 : ROUNDS))
            return SEND_BLOCKED; /* the socket is not full: the loop comes back at once */
        if (!make_piece(x))
            return break_off(c);
    }
}
