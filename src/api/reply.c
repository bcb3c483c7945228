/* Error kinds in the API's words, and the pieces of JSON that several answers share. */
#include <stdio.h>
#include <time.h>

#include "api/internal.h"
#include "base/arena.h"
#include "text/number.h"

/* Nginx' code for "the client closed the connection", which Prometheus uses for cancelled. */
#define STATUS_CLIENT_CLOSED 499
#define STATUS_BUSY          503

struct words {
    const char *type;
    int status;
};

static struct words words_of(enum err_kind kind)
{
    switch (kind) {
    case ERR_SYNTAX:
    case ERR_TYPE:
        return (struct words){"bad_data", 400};
    case ERR_EVAL:
    case ERR_LIMIT:
        return (struct words){"execution", 422};
    case ERR_BUSY:
        return (struct words){"unavailable", STATUS_BUSY};
    case ERR_TIMEOUT:
        return (struct words){"timeout", 503};
    case ERR_CANCELLED:
        return (struct words){"canceled", STATUS_CLIENT_CLOSED};
    case ERR_NONE:
    case ERR_NOMEM:
    case ERR_OS:
    case ERR_CORRUPT:
        break;
    }
    return (struct words){"internal", 500};
}

void api_reply_status(struct http_request *r, int status, const char *type, const char *text)
{
    struct buf json;
    struct json_writer w;
    struct str body;

    buf_init(&json, 0);
    json_begin(&w, &json);
    json_begin_object(&w);
    json_key(&w, "status");
    json_cstr(&w, "error");
    json_key(&w, "errorType");
    json_cstr(&w, type);
    json_key(&w, "error");
    json_cstr(&w, text);
    json_end_object(&w);
    body = arena_str(r->arena, buf_str(&json), NULL);
    buf_fini(&json);
    if (body.p)
        http_reply(r, status, "application/json", body);
    else
        http_reply_error(r, status, text);
}

void api_reply_err(struct http_request *r, const struct err *err)
{
    char text[sizeof err->text + sizeof err->file + 32];
    struct words words = words_of(err->kind);

    if (err->kind == ERR_BUSY)
        http_reply_header(r, "Retry-After", "1");
    api_reply_status(r, words.status, words.type, err_format(err, text, sizeof text));
}

void api_reply_err_plain(struct http_request *r, const struct err *err)
{
    char text[sizeof err->text + sizeof err->file + 32];

    if (err->kind == ERR_BUSY)
        http_reply_header(r, "Retry-After", "1");
    http_reply_error(r, words_of(err->kind).status, err_format(err, text, sizeof text));
}

int api_invalid_param(struct err *err, const char *name)
{
    char text[sizeof err->text + 32];

    return err_set(err, err->kind, "invalid parameter \"%s\": %s", name,
                   err_format(err, text, sizeof text));
}

void api_begin_data(struct json_writer *w, struct buf *out)
{
    json_begin(w, out);
    json_begin_object(w);
    json_key(w, "status");
    json_cstr(w, "success");
    json_key(w, "data");
}

void api_end_data(struct json_writer *w, const char *warning)
{
    if (warning) {
        json_key(w, "warnings");
        json_begin_array(w);
        json_cstr(w, warning);
        json_end_array(w);
    }
    json_end_object(w);
}

void api_reply_data(struct http_request *r, struct buf *out)
{
    struct str body = arena_str(r->arena, buf_str(out), NULL);

    buf_fini(out);
    if (body.p)
        http_reply(r, 200, "application/json", body);
    else
        http_reply_error(r, 500, "no memory for the answer");
}

void api_write_labels(struct json_writer *w, const struct labels *ls)
{
    json_begin_object(w);
    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);

        json_key_str(w, label.name);
        json_str(w, label.value);
    }
    json_end_object(w);
}

void api_write_rfc3339(struct json_writer *w, ts_ms t)
{
    char text[64];
    time_t seconds = (time_t)(t / 1000 - (t % 1000 < 0));
    struct tm tm;
    size_t n;

    (void)gmtime_r(&seconds, &tm);
    n = strftime(text, sizeof text - 8, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, sizeof text - n, ".%03dZ", (int)(((t % 1000) + 1000) % 1000));
    json_str(w, (struct str){text, n});
}

void api_write_time(struct buf *out, ts_ms t)
{
    char *at = buf_reserve(out, NUMBER_TEXT_MAX + 5);
    int fraction = (int)(t % 1000);

    if (!at)
        return;
    if (t < 0 && t > -1000)
        *at++ = '-', out->n++; /* -0.5 s: the whole part alone would lose the sign */
    if (fraction < 0)
        fraction = -fraction;
    out->n += number_print_i64(t / 1000, at);
    if (fraction) {
        at = out->p + out->n;
        at[0] = '.';
        at[1] = (char)('0' + fraction / 100);
        at[2] = (char)('0' + fraction / 10 % 10);
        at[3] = (char)('0' + fraction % 10);
        out->n += 4;
    }
    out->p[out->n] = '\0';
}
