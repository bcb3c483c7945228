#include "cli/client.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/args.h"
#include "text/json.h"

#define BODY_MAX   (256u << 20)
#define TIMEOUT_MS 130000L /* a query may run for two minutes */
#define CONNECT_MS 5000L
#define TOKEN_MAX  4096
#define EVENT_MAX  (16u << 20)
#define SILENT_S   60L

const char *client_url(const struct args *args)
{
    const char *url = args_text(args, "url");

    return url ? url : "http://127.0.0.1:3277";
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
    struct buf *body = arg;

    buf_add(body, (struct str){data, size * n});
    return body->overflowed ? 0 : size * n;
}

static void add_form(CURL *curl, const struct client_param params[], size_t n, struct buf *form)
{
    for (size_t i = 0; i < n; i++) {
        char *value;

        if (!params[i].value)
            continue;
        value = curl_easy_escape(curl, params[i].value, (int)strlen(params[i].value));
        buf_addf(form, "%s%s=%s", form->n ? "&" : "", params[i].name, value ? value : "");
        curl_free(value);
    }
}

static int read_token(const char *path, char header[TOKEN_MAX], struct err *err)
{
    FILE *f = fopen(path, "re");
    char token[TOKEN_MAX - 32];
    size_t n;

    if (!f)
        return err_set(err, ERR_SYNTAX, "--token-file %s cannot be opened", path);
    n = fread(token, 1, sizeof token - 1, f);
    (void)fclose(f);
    token[n] = '\0';
    token[strcspn(token, "\r\n")] = '\0';
    (void)snprintf(header, TOKEN_MAX, "Authorization: Bearer %s", token);
    return 0;
}

/* The words of an error the API gave; else the status. */
static int refused(long status, const struct buf *body, struct err *err)
{
    json_t *root = NULL;
    const char *text = NULL;

    if (json_read(buf_str(body), &root, NULL) == 0)
        text = json_string_value(json_object_get(root, "error"));
    if (text)
        (void)err_set(err, ERR_EVAL, "%s", text);
    else
        (void)err_set(err, ERR_EVAL, "the answer was HTTP %ld: %.*s", status,
                      STR_ARGS(str_take(str_trim(buf_str(body)), 200)));
    json_decref(root);
    return -1;
}

static int perform(CURL *curl, const char *url, struct buf *body, struct err *err)
{
    CURLcode code = curl_easy_perform(curl);
    long status = 0;

    if (code == CURLE_WRITE_ERROR && body->overflowed)
        return err_set(err, ERR_LIMIT, "the answer is larger than %zu MiB", body->max_bytes >> 20);
    if (code != CURLE_OK)
        return err_set(err, ERR_OS, "earshot does not answer at %s: %s", url,
                       curl_easy_strerror(code));
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status / 100 == 2 ? 0 : refused(status, body, err);
}

/* What a request is made of; ended by end_request. */
struct request {
    CURL *curl;
    struct curl_slist *headers;
    struct buf url, form;
    char token[TOKEN_MAX];
};

static int begin_request(struct request *q, const struct args *args, const char *path,
                         const struct client_param params[], size_t n, struct err *err)
{
    const char *base = client_url(args), *token_file = args_text(args, "token-file");

    q->curl = curl_easy_init();
    if (!q->curl)
        return err_set(err, ERR_NOMEM, "out of memory");
    buf_addf(&q->url, "%.*s%s", (int)(strlen(base) - str_ends(str_c(base), STR("/"))), base, path);
    add_form(q->curl, params, n, &q->form);
    if (token_file && read_token(token_file, q->token, err) < 0)
        return -1;
    if (token_file)
        q->headers = curl_slist_append(q->headers, q->token);
    (void)curl_easy_setopt(q->curl, CURLOPT_URL, q->url.p);
    (void)curl_easy_setopt(q->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(q->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(q->curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
    (void)curl_easy_setopt(q->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)curl_easy_setopt(q->curl, CURLOPT_HTTPHEADER, q->headers);
    if (n > 0)
        (void)curl_easy_setopt(q->curl, CURLOPT_POSTFIELDS, q->form.n ? q->form.p : "");
    return 0;
}

static void end_request(struct request *q)
{
    curl_slist_free_all(q->headers);
    curl_easy_cleanup(q->curl);
    buf_fini(&q->url);
    buf_fini(&q->form);
}

int client_ask(const struct args *args, const char *path, const struct client_param params[],
               size_t n, struct buf *body, struct err *err)
{
    SCOPED(end_request) struct request q = {.curl = NULL};

    if (begin_request(&q, args, path, params, n, err) < 0)
        return -1;
    (void)curl_easy_setopt(q.curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    (void)curl_easy_setopt(q.curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(q.curl, CURLOPT_WRITEDATA, body);
    return perform(q.curl, client_url(args), body, err);
}

/* ---- server-sent events ---- */

struct events {
    struct request *request;
    struct buf left; /* of a line that has not ended; of an answer that is none, all */
    bool answered;   /* it began to come */
    bool refused;    /* it is none */
    char name[32];   /* of the event that comes; empty: it has none */
    bool (*on_event)(void *arg, struct str event, struct str data);
    void *arg;
};

/* False: nobody wants more. */
static bool take_event_line(struct events *e, struct str line)
{
    if (str_starts(line, STR("event: "))) {
        (void)snprintf(e->name, sizeof e->name, "%.*s", STR_ARGS(str_skip(line, 7)));
    } else if (str_starts(line, STR("data: "))) {
        bool more = e->on_event(e->arg, str_c(e->name), str_skip(line, 6));

        e->name[0] = '\0';
        return more;
    }
    return true;
}

static size_t take_events(char *data, size_t size, size_t n, void *arg)
{
    struct events *e = arg;
    struct str rest;
    const char *newline;
    size_t used = 0;
    long status = 0;

    (void)curl_easy_getinfo(e->request->curl, CURLINFO_RESPONSE_CODE, &status);
    e->answered = true;
    e->refused = status != 200;
    buf_add(&e->left, (struct str){data, size * n});
    if (e->left.overflowed)
        return 0;
    rest = buf_str(&e->left);
    while (!e->refused && (newline = memchr(rest.p, '\n', rest.n))) {
        struct str line = {rest.p, (size_t)(newline - rest.p)};

        used += line.n + 1;
        rest = str_skip(rest, line.n + 1);
        if (!take_event_line(e, line))
            return 0;
    }
    memmove(e->left.p, e->left.p + used, e->left.n - used);
    e->left.n -= used;
    return size * n;
}

int client_events(const struct args *args, const char *path, const struct client_param params[],
                  size_t n, bool (*on_event)(void *arg, struct str event, struct str data),
                  void *arg, struct err *err)
{
    SCOPED(end_request) struct request q = {.curl = NULL};
    struct events e = {
        .request = &q, .left = {.max_bytes = EVENT_MAX}, .on_event = on_event, .arg = arg};
    int rc;

    if (begin_request(&q, args, path, params, n, err) < 0)
        return -1;
    /* A comment comes each 15 s; a peer that is silent for longer is gone. */
    (void)curl_easy_setopt(q.curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(q.curl, CURLOPT_LOW_SPEED_TIME, SILENT_S);
    (void)curl_easy_setopt(q.curl, CURLOPT_WRITEFUNCTION, take_events);
    (void)curl_easy_setopt(q.curl, CURLOPT_WRITEDATA, &e);
    rc = perform(q.curl, client_url(args), &e.left, err);
    if (e.answered && !e.refused)
        rc = err_set(err, ERR_OS, "earshot at %s has ended the stream", client_url(args));
    buf_fini(&e.left);
    return rc;
}

int client_json(const struct args *args, const char *path, const struct client_param params[],
                size_t n, struct json_t **out, struct err *err)
{
    SCOPED(buf_fini) struct buf body;
    json_t *root = NULL, *data;

    buf_init(&body, BODY_MAX);
    if (client_ask(args, path, params, n, &body, err) < 0)
        return -1;
    if (json_read_foreign(buf_str(&body), &root, err) < 0)
        return err_context(err, "%s%s", client_url(args), path);
    data = json_object_get(root, "data");
    *out = json_incref(data ? data : root);
    json_decref(root);
    return 0;
}

int client_failed(const struct err *err)
{
    (void)fprintf(stderr, "earshot: %s\n", err->text);
    return STATUS_FAILED;
}
