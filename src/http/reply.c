/* reply: what a handler answers with, and the head that goes before it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "http/conn.h"

#define COPY_BYTES_MAX (16u << 10) /* bodies up to this are sent in one piece with their head */
#define ZIP_BYTES_MIN  1024u       /* one packet holds it anyway */
#define PIECE_ROOM     ((64u << 10) + 32u)
#define PIECE_BYTES    (64u << 10)

/* Scripts, styles and data only from here. Nothing inline: the page sets styles through the CSSOM
 * and adopted sheets, which a policy does not forbid. data: is the tab's icon. */
#define PAGE_POLICY                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "                \
    "form-action 'self'; frame-ancestors 'none'"
#define DATA_POLICY "default-src 'none'; frame-ancestors 'none'"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Entity"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *reply_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

/* q=0 forbids; a "*" stands for all that are not named. */
bool reply_accepts(struct str header, struct str coding)
{
    bool any = false;

    while (header.p) {
        struct str item = str_split(&header, ',');
        struct str name = str_trim(str_split(&item, ';'));
        struct str q = str_trim(item.p ? item : (struct str){"", 0});
        bool none = q.n >= 3 && strncasecmp(q.p, "q=0", 3) == 0 && strspn(q.p + 3, ".0") >= q.n - 3;

        if (name.n == coding.n && strncasecmp(name.p, coding.p, name.n) == 0)
            return !none;
        if (str_eq(name, STR("*")))
            any = !none;
    }
    return any;
}

static void add_date(struct http_server *s, struct buf *out)
{
    const struct clock *clock = s->settings.clock;
    int64_t now_s = clock->wall_ms(clock) / 1000;

    if (now_s != s->date_s || !s->date[0]) {
        time_t t = (time_t)now_s;
        struct tm tm;

        (void)gmtime_r(&t, &tm);
        /* C locale: the program never calls setlocale for LC_TIME. */
        (void)strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        s->date_s = now_s;
    }
    buf_add(out, STR("\r\nDate: "));
    buf_adds(out, s->date);
}

static void add_number(struct buf *out, size_t v)
{
    char digits[24];
    char *at = digits + sizeof digits;

    do
        *--at = (char)('0' + v % 10);
    while (v /= 10);
    buf_add(out, (struct str){at, (size_t)(digits + sizeof digits - at)});
}

static const struct reply_header *find_header(const struct reply_header *h, struct str name)
{
    for (; h; h = h->next)
        if (h->name.n == name.n && strncasecmp(h->name.p, name.p, name.n) == 0)
            return h;
    return NULL;
}

static void add_status(struct conn *c, int status)
{
    struct http_server *s = c->s;

    assert(status >= 200 && status <= 599);
    s->stats.requests++;
    s->stats.responses_by_class[status / 100]++;
    send_lend_out(c);
    if (status == 200) {
        buf_add(&c->out, STR("HTTP/1.1 200 OK"));
    } else {
        buf_add(&c->out, STR("HTTP/1.1 "));
        add_number(&c->out, (size_t)status);
        buf_addc(&c->out, ' ');
        buf_adds(&c->out, reply_reason(status));
    }
    add_date(s, &c->out);
    if (c->close_after)
        buf_add(&c->out, STR("\r\nConnection: close"));
}

/* Headers that our own defaults give way to. */
static void add_safety(struct buf *out, const struct reply_header *h, struct str type)
{
    bool page = str_starts(type, STR("text/html"));
    bool script = str_starts(type, STR("text/javascript")); /* a worker obeys its own script's */

    buf_add(out, STR("\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer"));
    if (!find_header(h, STR("cross-origin-resource-policy")))
        buf_add(out, STR("\r\nCross-Origin-Resource-Policy: same-origin"));
    if (!find_header(h, STR("content-security-policy"))) {
        buf_add(out, STR("\r\nContent-Security-Policy: "));
        buf_add(out, page || script ? STR(PAGE_POLICY) : STR(DATA_POLICY));
    }
    if (page)
        buf_add(out, STR("\r\nX-Frame-Options: DENY\r\nCross-Origin-Opener-Policy: same-origin"));
    if (!find_header(h, STR("cache-control")))
        buf_add(out, STR("\r\nCache-Control: no-store"));
}

enum body_kind { BODY_NONE, BODY_SIZED, BODY_CHUNKED, BODY_TO_END };

static void add_head(struct exchange *x, int status, struct str type, enum body_kind kind,
                     size_t size, bool varies)
{
    struct conn *c = x->conn;
    struct buf *out = &c->out;

    if (x->head.http10 && !c->close_after && kind != BODY_TO_END) {
        add_status(c, status);
        buf_add(out, STR("\r\nConnection: keep-alive"));
    } else {
        c->close_after |= kind == BODY_TO_END;
        add_status(c, status);
    }
    if (type.n) {
        buf_add(out, STR("\r\nContent-Type: "));
        buf_add(out, type);
    }
    if (kind == BODY_SIZED) {
        buf_add(out, STR("\r\nContent-Length: "));
        add_number(out, size);
    } else if (kind == BODY_CHUNKED) {
        buf_add(out, STR("\r\nTransfer-Encoding: chunked"));
    }
    if (x->zip)
        buf_add(out, STR("\r\nContent-Encoding: gzip"));
    if (varies)
        buf_add(out, STR("\r\nVary: Accept-Encoding"));
    add_safety(out, x->headers, type);
    buf_add(out, STR("\r\n"));
    for (const struct reply_header *h = x->headers; h; h = h->next)
        buf_adds(out, h->line);
    buf_add(out, STR("\r\n"));
}

static bool compresses(struct str type)
{
    static const char *const kinds[] = {"text/",
                                        "application/json",
                                        "application/javascript",
                                        "application/openmetrics-text",
                                        "image/svg+xml",
                                        "application/x-ndjson",
                                        "application/yaml"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_starts(type, str_c(kinds[i])))
            return true;
    return false;
}

/* Compression is a favour: without memory for it the answer goes out as it is. */
static void start_zip(struct exchange *x, size_t size)
{
    struct err ignored;

    if (!reply_accepts(http_header(&x->r, "accept-encoding"), STR("gzip")))
        return;
    if (x->gen && !(x->zip_buf = arena_alloc(&x->arena, PIECE_BYTES, &ignored)))
        return;
    if (gzip_out_new(&x->arena, size, &x->zip, &ignored) < 0)
        x->zip = NULL;
}

static bool is_bodiless(const struct exchange *x, int status)
{
    return status == 204 || status == 304 || str_eq(x->r.method, STR("HEAD"));
}

/* The answer's head is in c->out: goes on sending, unless conn_run above does so anyway. */
static void go_on(struct conn *c)
{
    if (!c->running)
        conn_run(c, (struct str){NULL, 0});
}

static bool may_answer(struct exchange *x)
{
    assert(!x->answered);
    x->answered = true;
    return x->conn != NULL;
}

/* A compressed or endless body is made in pieces, which need a buffer. -1: no memory. */
static int take_pieces(struct exchange *x)
{
    x->buf = arena_alloc(&x->arena, PIECE_ROOM, NULL);
    return x->buf ? 0 : -1;
}

static void reply_out_of_memory(struct exchange *x)
{
    static const struct str text = {"too busy: no memory for this answer; try again\n", 47};

    x->zip = NULL;
    add_head(x, 503, STR("text/plain; charset=utf-8"), BODY_SIZED, text.n, false);
    buf_add(&x->conn->out, text);
}

void http_reply(struct http_request *r, int status, const char *content_type, struct str body)
{
    struct exchange *x = (struct exchange *)r;
    struct str type = str_c(content_type ? content_type : "");
    bool varies = compresses(type) && body.n >= ZIP_BYTES_MIN &&
                  !find_header(x->headers, STR("content-encoding"));
    struct conn *c = x->conn;

    if (!may_answer(x))
        return;
    if (varies && !is_bodiless(x, status))
        start_zip(x, body.n);
    x->last = true;
    if (is_bodiless(x, status)) {
        add_head(x, status, type, status == 204 || status == 304 ? BODY_NONE : BODY_SIZED, body.n,
                 varies);
    } else if (x->zip && take_pieces(x) == 0) {
        x->chunked = !x->head.http10;
        add_head(x, status, type, x->chunked ? BODY_CHUNKED : BODY_TO_END, 0, varies);
        x->bytes = body;
        x->last = false;
    } else {
        x->zip = NULL;
        add_head(x, status, type, BODY_SIZED, body.n, varies);
        if (body.n <= COPY_BYTES_MAX)
            buf_add(&c->out, body);
        else
            x->piece = body;
    }
    if (x->last && !x->piece.n)
        send_end_exchange(c);
    go_on(c);
}

void http_reply_body(struct http_request *r, int status, const char *content_type,
                     struct http_body *body)
{
    struct exchange *x = (struct exchange *)r;
    struct str type = str_c(content_type ? content_type : "");
    bool varies = compresses(type) && !find_header(x->headers, STR("content-encoding"));
    struct conn *c = x->conn;

    if (!may_answer(x)) {
        body->close(body);
        return;
    }
    x->gen = body;
    x->chunked = !x->head.http10;
    if (is_bodiless(x, status)) {
        add_head(x, status, type,
                 x->chunked && status != 204 && status != 304 ? BODY_CHUNKED : BODY_NONE, 0,
                 varies);
        send_end_exchange(c);
    } else if (take_pieces(x) < 0) {
        reply_out_of_memory(x);
        send_end_exchange(c);
    } else {
        enum send_first first;

        if (varies)
            start_zip(x, 0);
        first = send_first_piece(x);
        if (first == FIRST_BROKE) {
            conn_close(c);
            return;
        }
        add_head(x, status, type,
                 first == FIRST_IS_ALL ? BODY_SIZED
                 : x->chunked          ? BODY_CHUNKED
                                       : BODY_TO_END,
                 x->piece.n, varies);
    }
    go_on(c);
}

void http_reply_error(struct http_request *r, int status, const char *text)
{
    struct exchange *x = (struct exchange *)r;
    char *line = arena_printf(&x->arena, NULL, "%s\n", text ? text : reply_reason(status));

    http_reply(r, status, "text/plain; charset=utf-8",
               line ? str_c(line) : STR("too busy: no memory to say more\n"));
}

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
    struct exchange *x = (struct exchange *)r;
    struct reply_header *h;
    struct err err;

    assert(!x->answered);
    for (const char *p = value; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f) {
            log_warn(x->s->settings.log, "http",
                     "header %s left out: its value holds a control "
                     "character",
                     name);
            return;
        }
    h = arena_new(&x->arena, struct reply_header, &err);
    if (h)
        h->line = arena_printf(&x->arena, &err, "%s: %s\r\n", name, value);
    if (!h || !h->line) {
        log_warn(x->s->settings.log, "http", "header %s left out: %s", name, err.text);
        return;
    }
    h->name = (struct str){h->line, strlen(name)};
    h->next = x->headers;
    x->headers = h;
}

void reply_refuse(struct conn *c, int status, const char *text)
{
    c->close_after = true;
    add_status(c, status);
    buf_addf(&c->out,
             "\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff"
             "\r\nContent-Length: %zu\r\n\r\n%s\n",
             strlen(text) + 1, text);
}

void http_wake(struct http_request *r)
{
    struct exchange *x = (struct exchange *)r;

    if (!x->conn)
        return;
    x->woken = true;
    if (x->waiting)
        server_wake(x);
}
