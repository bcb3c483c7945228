#include "collect/recognise/probe.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/recognise/survey.h"
#include "collect/redis/resp.h"

#define WAIT_MS      300
#define WAIT_FAR_MS  700        /* there and back, twice */
#define BODY_MAX     (1u << 20) /* its beginning is enough to know it by */
#define BYTES_MAX    (256u << 10)
#define DATABASES    16
#define PROTOCOL     196608 /* 3.0 */
#define BINDING      "_kombu.binding."
#define MESSAGE_MAX  160
#define MESSAGE_HEAD 5 /* type and length */

/* What is asked, and where. The way to another machine is told first where it is to lead. */
static int put_question(struct arena *a, const struct survey_socket *s, struct str request,
                        struct ask *out, struct err *err)
{
    struct buf whole;

    out->request = request;
    out->wait_ms = s->via ? WAIT_FAR_MS : WAIT_MS;
    if (!s->via && s->port) {
        ask_loopback(s->v6, s->port, &out->address);
        return 0;
    }
    if (!ask_unix(s->via ? str_c(s->via) : s->path, &out->address))
        return err_set(err, ERR_LIMIT, "%.*s: the path is too long", STR_ARGS(s->path));
    if (!s->via)
        return 0;
    buf_init(&whole, 0);
    buf_addf(&whole, "%s:%u\n", s->v6 ? "[::1]" : "127.0.0.1", s->port);
    buf_add(&whole, request);
    out->request = arena_str(a, buf_str(&whole), err);
    buf_fini(&whole);
    return out->request.p ? 0 : -1;
}

/* ---- HTTP ---- */

static bool take_http(struct ask *a, struct str piece)
{
    struct probe *p = (struct probe *)a;

    switch (answer_feed(&p->answer, piece)) {
    case ANSWER_MORE:
        return false;
    case ANSWER_WHOLE:
        p->whole = true;
        return true;
    default:
        return true;
    }
}

int probe_http(struct arena *a, const struct survey_socket *s, const char *path,
               struct bodies *bodies, struct probe *out, struct err *err)
{
    const char *request =
        arena_printf(a, err,
                     "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: earshot\r\n"
                     "Accept: text/plain;version=0.0.4, */*;q=0.5\r\nConnection: close\r\n\r\n",
                     path, s->v6 ? "[::1]" : "127.0.0.1", s->port);

    *out = (struct probe){.kind = PROBE_HTTP, .socket = s, .what = path};
    if (!request || put_question(a, s, str_c(request), &out->ask, err) < 0)
        return -1;
    intake_init(&out->intake, bodies, BODY_MAX);
    answer_init(&out->answer, &out->intake, false);
    out->ask.got = take_http;
    return 0;
}

int probe_status(const struct probe *p)
{
    return p->answer.headed ? p->answer.status : 0;
}

struct str probe_body(const struct probe *p)
{
    return (struct str){p->intake.p ? p->intake.p : "", p->intake.n};
}

/* ---- Redis ---- */

static bool take_bytes(struct ask *a, struct str piece)
{
    struct probe *p = (struct probe *)a;

    buf_add(&p->bytes, piece);
    return p->bytes.overflowed;
}

/* One look into each database for what Celery leaves there. Those that there are not answer with
 * an error. QUIT makes it close, which ends the waiting. */
static const char redis_request[] = "PING\r\nINFO server\r\n"
#define DATABASE(n) "SELECT " #n "\r\nSCAN 0 MATCH " BINDING "* COUNT 1000\r\n"
    DATABASE(0) DATABASE(1) DATABASE(2) DATABASE(3) DATABASE(4) DATABASE(5) DATABASE(6) DATABASE(7)
        DATABASE(8) DATABASE(9) DATABASE(10) DATABASE(11) DATABASE(12) DATABASE(13) DATABASE(14)
            DATABASE(15) "QUIT\r\n";

int probe_redis(struct arena *a, const struct survey_socket *s, struct probe *out, struct err *err)
{
    *out = (struct probe){.kind = PROBE_REDIS, .socket = s};
    if (put_question(a, s, str_c(redis_request), &out->ask, err) < 0)
        return -1;
    buf_init(&out->bytes, BYTES_MAX);
    out->ask.got = take_bytes;
    return 0;
}

/* The value behind "key:" in the text of INFO. */
static struct str info_value(struct str text, struct str key)
{
    while (text.p) {
        struct str line = str_trim(str_split(&text, '\n'));

        if (str_starts(line, key))
            return str_skip(line, key.n);
    }
    return STR("");
}

/* Exchanges of its own, for events and remote control, are no queues. */
static bool is_queue(struct str name)
{
    return name.n > 0 && !str_starts(name, STR("celeryev")) && !str_ends(name, STR(".pidbox"));
}

static int read_bindings(const struct resp *list, int db, struct arena *a, struct redis_answer *out,
                         struct err *err)
{
    const struct resp *keys = list->kind == RESP_LIST && list->n == 2 ? list->items[1] : NULL;

    if (!keys || keys->kind != RESP_LIST || keys->n == 0 || out->queues_db >= 0)
        return 0;
    out->queues_db = db;
    for (size_t i = 0; i < keys->n && out->queues_n < PROBE_QUEUES_MAX; i++) {
        struct str name = str_skip(keys->items[i]->text, strlen(BINDING));
        struct str copy;

        if (keys->items[i]->kind != RESP_TEXT || !is_queue(name))
            continue;
        copy = arena_str(a, name, err);
        if (!copy.p)
            return -1;
        out->queues[out->queues_n++] = copy;
    }
    return 0;
}

static void read_ping(const struct resp *reply, struct redis_answer *out)
{
    if (reply->kind == RESP_STATUS && str_eq(reply->text, STR("PONG")))
        out->says = REDIS_PONG;
    else if (reply->kind == RESP_ERROR && str_starts(reply->text, STR("NOAUTH")))
        out->says = REDIS_PASSWORD;
    else if (reply->kind == RESP_ERROR && str_starts(reply->text, STR("DENIED")))
        out->says = REDIS_PROTECTED;
    else if (reply->kind == RESP_ERROR && str_starts(reply->text, STR("LOADING")))
        out->says = REDIS_LOADING;
}

static int read_info(const struct resp *reply, struct arena *a, struct redis_answer *out,
                     struct err *err)
{
    struct str version = info_value(reply->text, STR("valkey_version:"));

    out->valkey = version.n > 0;
    if (!version.n)
        version = info_value(reply->text, STR("redis_version:"));
    out->version = arena_str(a, str_take(version, 32), err);
    return out->version.p ? 0 : -1;
}

/* The n-th answer. */
static int read_reply(const struct resp *reply, size_t n, bool *selected, struct arena *a,
                      struct redis_answer *out, struct err *err)
{
    if (n == 0)
        read_ping(reply, out);
    else if (n == 1 && reply->kind == RESP_TEXT)
        return read_info(reply, a, out, err);
    else if (n % 2 == 0)
        *selected = reply->kind == RESP_STATUS;
    else if (*selected)
        return read_bindings(reply, (int)(n - 3) / 2, a, out, err);
    return 0;
}

int probe_read_redis(const struct probe *p, struct arena *a, struct redis_answer *out,
                     struct err *err)
{
    struct resp_reader *reader = resp_reader_new(a);
    const struct resp *reply;
    struct err bad;
    bool selected = false;
    int result = 0;

    *out = (struct redis_answer){.queues_db = -1, .version = STR("")};
    if (p->bytes.n == 0 || resp_feed(reader, p->bytes.p, p->bytes.n, &bad) < 0) {
        resp_reader_free(reader);
        return 0; /* it is none */
    }
    for (size_t n = 0; n < 2 + 2 * DATABASES && result == 0; n++) {
        if (resp_next(reader, &reply, &bad) < 0 || !reply)
            break;
        result = read_reply(reply, n, &selected, a, out, err);
    }
    resp_reader_free(reader);
    return result;
}

/* ---- PostgreSQL: the protocol's first messages, of version 3.0 ---- */

static uint32_t big_endian(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static void put_big_endian(struct buf *b, uint32_t v)
{
    const char bytes[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

    buf_add(b, (struct str){bytes, 4});
}

/* Takes one message off *text; false: there is no whole one. */
static bool next_message(struct str *text, char *type, struct str *body)
{
    uint32_t n;

    if (text->n < MESSAGE_HEAD)
        return false;
    *type = text->p[0];
    n = big_endian(text->p + 1);
    if (n < 4 || n - 4 > text->n - MESSAGE_HEAD)
        return false;
    *body = (struct str){text->p + MESSAGE_HEAD, n - 4};
    *text = str_skip(*text, MESSAGE_HEAD + body->n);
    return true;
}

/* ReadyForQuery, an error, or a demand for a password. */
static bool take_postgres(struct ask *a, struct str piece)
{
    struct probe *p = (struct probe *)a;
    struct str text, body;
    char type;

    buf_add(&p->bytes, piece);
    text = buf_str(&p->bytes);
    while (next_message(&text, &type, &body))
        if (type == 'Z' || type == 'E' || (type == 'R' && body.n >= 4 && big_endian(body.p) != 0))
            return true;
    return p->bytes.overflowed;
}

int probe_postgres(struct arena *a, const struct survey_socket *s, const char *user,
                   struct probe *out, struct err *err)
{
    SCOPED(buf_fini) struct buf words, request;
    struct str kept;

    *out = (struct probe){.kind = PROBE_POSTGRES, .socket = s, .what = user};
    buf_init(&words, 0);
    buf_init(&request, 0);
    put_big_endian(&words, PROTOCOL);
    for (size_t i = 0; i < 6; i++) {
        const char *const parts[] = {"user",   user, "database", "postgres", "application_name",
                                     "earshot"};

        buf_add(&words, (struct str){parts[i], strlen(parts[i]) + 1});
    }
    buf_addc(&words, '\0');
    put_big_endian(&request, (uint32_t)words.n + 4);
    buf_add(&request, buf_str(&words));
    kept = arena_str(a, buf_str(&request), err);
    if (!kept.p || put_question(a, s, kept, &out->ask, err) < 0)
        return -1;
    buf_init(&out->bytes, BYTES_MAX);
    out->ask.got = take_postgres;
    return 0;
}

/* A field of an ErrorResponse: a letter, its text, a NUL. */
static struct str error_field(struct str body, char letter)
{
    while (body.n && body.p[0]) {
        struct str rest = str_skip(body, 1), text = str_split(&rest, '\0');

        if (body.p[0] == letter)
            return str_take(text, MESSAGE_MAX);
        if (!rest.p)
            break;
        body = rest;
    }
    return STR("");
}

static struct str server_version(struct str body)
{
    struct str name = str_split(&body, '\0');
    struct str value = body.p ? str_split(&body, '\0') : STR("");

    return str_eq(name, STR("server_version")) ? str_split(&value, ' ') : STR("");
}

void probe_read_postgres(const struct probe *p, struct postgres_answer *out)
{
    struct str text = buf_str(&p->bytes), body;
    char type;

    *out = (struct postgres_answer){.version = STR(""), .why = STR("")};
    while (next_message(&text, &type, &body)) {
        if (type == 'E') {
            out->says = POSTGRES_NO;
            out->why = error_field(body, 'M');
        } else if (type == 'R' && body.n >= 4 && big_endian(body.p) != 0) {
            out->says = POSTGRES_PASSWORD;
        } else if (type == 'S' && server_version(body).n) {
            out->version = server_version(body);
        } else if (type == 'Z') {
            out->says = POSTGRES_IN;
        }
    }
}

void probe_fini(struct probe *p)
{
    if (p->kind == PROBE_HTTP)
        intake_fini(&p->intake);
    else
        buf_fini(&p->bytes);
}
