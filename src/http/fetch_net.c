/* The net thread: libcurl's multi interface. Its global state and its trust store are made here,
 * since both take longer than the loop may; files of secrets are read here for the same reason.
 *
 * A request that needs a token of oauth2 waits in `waiting` while another fetch, which the net
 * thread makes and keeps for itself (token_of), asks for it.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/client_settings.h"
#include "http/fetch_error.h"
#include "http/fetch_impl.h"
#include "http/oauth2.h"
#include "http/place.h"
#include "sys/clock.h"

#define BUFFER_BYTES     (64L << 10)
#define CONNECTIONS_KEPT 1024L
#define POLL_MS          60000
#define REDIRECTS_MAX    10
#define TOKEN_BODY_MAX   (1u << 20)

/* curl's write callback: anything but `n` ends the transfer. */
static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
    struct fetch *f = arg;
    curl_off_t length = 0;

    assert(one == 1);
    if (!f->in.n)
        (void)curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return intake_add(&f->in, (struct str){p, n}, length > 0 ? (size_t)length : 0) < 0 ? 0 : n;
}

static CURL *take_handle(struct fetcher *fr)
{
    return fr->spare_n ? fr->spare[--fr->spare_n] : curl_easy_init();
}

/* `used_up`: it has something of its request that a reset leaves, such as cookies. */
static void return_handle(struct fetcher *fr, CURL *easy, bool used_up)
{
    if (used_up || fr->spare_n == FETCH_HANDLES_KEPT) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    fr->spare[fr->spare_n++] = easy;
}

static void set_method(struct fetch *f)
{
    CURL *e = f->easy;

    if (f->body) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, f->body);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body_n);
    }
    if (strcmp(f->method, "HEAD") == 0)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else if (f->body || strcmp(f->method, "GET") != 0)
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, f->method);
}

static int64_t spent_ms(const struct fetch *f)
{
    const struct clock *clock = clock_real();

    return (clock->mono_ns(clock) - f->started_ns) / 1000000;
}

/* Asked for only where it pays; undone wherever it comes. */
static bool wants_gzip(const struct fetch *f)
{
    struct place place;

    return !f->trace && f->client && client_settings_of(f->client)->compression &&
           place_of(f->url, &place) == 0 && !place_is_near(&place);
}

static int set_options(struct fetch *f, struct err *err)
{
    CURL *e = f->easy;
    struct curl_slist no_gzip = {.data = (char *)(uintptr_t) "Accept-Encoding:",
                                 .next = f->headers};
    int64_t left_ms = f->timeout_ms - spent_ms(f);

    if (left_ms <= 0)
        return err_set(err, ERR_TIMEOUT, "timeout after %g s", (double)f->timeout_ms / 1000);
    curl_easy_setopt(e, CURLOPT_PRIVATE, f);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL); /* a folder of 140 files is read anew each time */
    curl_easy_setopt(e, CURLOPT_USERAGENT, "earshot");
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->curl_text);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (f->trace)
        trace_set_options(f->trace, e, f->redirects == 0);
    if (f->socket_path)
        curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, f->socket_path); /* then no proxy counts */
    set_method(f);
    return client_apply(f->client, e, f->url, wants_gzip(f) ? f->headers : &no_gzip, !f->away,
                        &f->use, err);
}

static void token_came(struct fetcher *fr, struct fetch *q);

static void finish(struct fetcher *fr, struct fetch *f)
{
    fetch_note_end(f);
    if (f->easy) {
        (void)curl_multi_remove_handle(fr->multi, f->easy);
        return_handle(fr, take(f->easy), f->trace);
        fr->active[f->net_at] = fr->active[--fr->active_n];
        fr->active[f->net_at]->net_at = f->net_at;
        intake_leave(&f->in);
    }
    client_use_fini(&f->use);
    if (f->token_of)
        token_came(fr, f);
    else
        loop_post(fr->loop, &f->message);
}

static void ask_token(struct fetcher *fr, struct fetch *f);

/* Sends it, or lets it wait for a token. */
static void go(struct fetcher *fr, struct fetch *f)
{
    const struct clock *clock = clock_real();
    CURL *easy;

    if (f->client && client_settings_of(f->client)->oauth2 && !f->had_token &&
        !oauth2_is_valid(client_token(f->client), clock->mono_ns(clock))) {
        fr->waiting =
            mem_grow(fr->waiting, &fr->waiting_cap, fr->waiting_n + 1, sizeof(struct fetch *));
        fr->waiting[fr->waiting_n++] = f;
        f->had_token = true;
        if (!client_token(f->client)->asking)
            ask_token(fr, f);
        return;
    }
    easy = take_handle(fr);
    if (!easy) {
        (void)err_set(&f->result.err, ERR_NOMEM, "no memory for a request");
        finish(fr, f);
        return;
    }
    f->easy = easy;
    intake_enter(&f->in, &fr->bodies_active);
    f->net_at = fr->active_n;
    fr->active = mem_grow(fr->active, &fr->active_cap, fr->active_n + 1, sizeof(struct fetch *));
    fr->active[fr->active_n++] = f;
    if (set_options(f, &f->result.err) < 0) {
        finish(fr, f);
    } else if (curl_multi_add_handle(fr->multi, easy) != CURLM_OK) {
        (void)err_set(&f->result.err, ERR_NOMEM, "no memory for a request");
        finish(fr, f);
    }
}

static void begin(struct fetcher *fr, struct fetch *f)
{
    fetch_note_start(f);
    go(fr, f);
}

/* ---- tokens ---- */

/* On behalf of `f`, with what is left of its time. */
static void ask_token(struct fetcher *fr, struct fetch *f)
{
    const struct client_oauth2 *o = client_settings_of(f->client)->oauth2;
    struct fetch *q = mem_new(struct fetch);
    struct client_settings settings;
    struct buf form;
    struct err *err = &q->result.err;
    int64_t left_ms = f->timeout_ms - spent_ms(f);

    buf_init(&form, 0);
    client_use_init(&q->use);
    intake_init(&q->in, fr->bodies, TOKEN_BODY_MAX);
    q->token_of = client_ref(f->client);
    q->url = mem_strdup(o->token_url);
    q->method = mem_strdup("POST");
    q->timeout_ms = left_ms > 0 ? left_ms : 1;
    client_token(f->client)->asking = true;
    if (oauth2_form(o, client_token(f->client), &form, &settings, err) < 0 ||
        fetch_add_header(q, "Content-Type: application/x-www-form-urlencoded", err) < 0 ||
        fetch_add_header(q, "Accept: application/json", err) < 0 ||
        fetch_add_header(q, "Expect:", err) < 0) {
        client_wipe(&form);
        finish(fr, q);
        return;
    }
    q->client = client_new(&settings);
    q->body = mem_dup(form.p, form.n);
    q->body_n = form.n;
    client_wipe(&form);
    begin(fr, q);
}

static void token_came(struct fetcher *fr, struct fetch *q)
{
    const struct clock *clock = clock_real();
    struct client *c = q->token_of;
    struct oauth2_token *t = client_token(c);
    struct err err = q->result.err;
    struct fetch **all = fr->waiting, *asks_again = NULL;
    size_t n = fr->waiting_n;
    bool again = false;
    int rc = -1;

    t->asking = false;
    if (q->result.status)
        rc = oauth2_take(t, q->result.status, q->result.body, clock->mono_ns(clock), &again, &err);
    else
        (void)err_context(&err, "oauth2: token_url");
    /* Those of other clients go on waiting; what follows may add to the list. */
    fr->waiting = NULL;
    fr->waiting_n = fr->waiting_cap = 0;
    for (size_t i = 0; i < n; i++) {
        struct fetch *f = all[i];

        if (f->client != c || again) {
            fr->waiting =
                mem_grow(fr->waiting, &fr->waiting_cap, fr->waiting_n + 1, sizeof(struct fetch *));
            fr->waiting[fr->waiting_n++] = f;
            if (f->client == c)
                asks_again = f;
        } else if (rc == 0) {
            go(fr, f);
        } else {
            f->result.err = err;
            finish(fr, f);
        }
    }
    mem_free(all);
    if (asks_again)
        ask_token(fr, asks_again);
    fetch_destroy(q);
}

/* ---- answers ---- */

/* Where an answer points, from where it came; owned. NULL: nowhere, or not to http. */
static char *redirect_url(struct fetch *f)
{
    struct curl_header *h = NULL;
    CURLU *u = curl_url();
    char *to = NULL, *copy = NULL;
    struct place place;

    if (u && curl_easy_header(f->easy, "Location", 0, CURLH_HEADER, -1, &h) == CURLHE_OK &&
        curl_url_set(u, CURLUPART_URL, f->url, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_URL, h->value, CURLU_URLENCODE) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_URL, &to, 0) == CURLUE_OK && place_of(to, &place) == 0)
        copy = mem_strdup(to);
    curl_free(to);
    curl_url_cleanup(u);
    return copy;
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

enum redirect { REDIRECT_NONE, REDIRECT_FOLLOWED, REDIRECT_REFUSED };

/* Goes on to where the answer points, if that is wanted. */
static enum redirect redirect(struct fetcher *fr, struct fetch *f, long status)
{
    struct curl_header *h = NULL;
    char *to;

    if (f->trace && is_redirect(status) &&
        curl_easy_header(f->easy, "Location", 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
        f->trace->redirects++;
    if (!f->client || !client_settings_of(f->client)->follow_redirects || !is_redirect(status) ||
        strcmp(f->method, "GET") != 0 ||
        curl_easy_header(f->easy, "Location", 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return REDIRECT_NONE;
    if (f->redirects++ == REDIRECTS_MAX) {
        (void)err_set(&f->result.err, ERR_LIMIT, "more than %d redirects", REDIRECTS_MAX);
        return REDIRECT_REFUSED;
    }
    to = redirect_url(f);
    if (!to) {
        (void)err_set(&f->result.err, ERR_EVAL,
                      "the answer is a redirect to something that is not http");
        return REDIRECT_REFUSED;
    }
    f->away |= !client_is_home(f->url, to);
    if (f->away && (f->socket_path || client_settings_of(f->client)->stays_home)) {
        (void)err_set(&f->result.err, ERR_EVAL,
                      "the answer is a redirect to another host or port (%.200s), where it is not "
                      "followed to",
                      to);
        mem_free(to);
        return REDIRECT_REFUSED;
    }
    mem_free(f->url);
    f->url = to;
    f->in.n = 0;
    (void)curl_multi_remove_handle(fr->multi, f->easy);
    client_use_fini(&f->use);
    curl_easy_reset(f->easy);
    if (set_options(f, &f->result.err) < 0)
        return REDIRECT_REFUSED;
    (void)curl_multi_add_handle(fr->multi, f->easy);
    return REDIRECT_FOLLOWED;
}

static void explain(struct fetch *f, CURLcode code)
{
    struct fetch_trouble t = {.url = f->url,
                              .curl_text = f->curl_text,
                              .timeout_ms = f->timeout_ms,
                              .body_max = f->in.max,
                              .got = f->in.crowded ? f->in.lost : f->in.n,
                              .too_large = f->in.too_large,
                              .no_memory = f->in.no_memory,
                              .crowded = f->in.crowded,
                              .proxied = f->use.proxied};
    curl_off_t connected = 0;
    long os = 0, proxy_status = 0;

    (void)curl_easy_getinfo(f->easy, CURLINFO_CONNECT_TIME_T, &connected);
    (void)curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &os);
    (void)curl_easy_getinfo(f->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    t.connected = connected > 0;
    t.os = code == CURLE_COULDNT_CONNECT ? (int)os : 0;
    t.proxy_status = (int)proxy_status;
    t.endless = strcasestr(f->curl_text, "too large response headers");
    fetch_error_explain(code, &t, &f->result.err);
}

static void complete(struct fetcher *fr, struct fetch *f, CURLcode code)
{
    long status = 0;
    const char *type = NULL;
    curl_off_t wire = 0;

    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(f->easy, CURLINFO_SIZE_DOWNLOAD_T, &wire);
    f->result.wire_bytes = (size_t)wire;
    if (f->trace)
        trace_add_hop(f->trace, f->easy);
    if (code != CURLE_OK || f->in.crowded) {
        explain(f, code);
        finish(fr, f);
        return;
    }
    switch (redirect(fr, f, status)) {
    case REDIRECT_FOLLOWED:
        return;
    case REDIRECT_REFUSED:
        break;
    case REDIRECT_NONE:
        f->result.auth = f->away ? NULL : client_auth_key(f->client);
        if (status == 401 && !f->away && f->client)
            oauth2_drop(client_token(f->client)); /* it may have been taken back */
        if (curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type)
            f->type = mem_strdup(type);
        fetch_set_result(f, (int)status);
    }
    finish(fr, f);
}

/* What the loop has sent meanwhile. False: the end. */
static bool take_incoming(struct fetcher *fr)
{
    struct fetch *f;
    bool stopping, cancels;

    pthread_mutex_lock(&fr->lock);
    f = fr->incoming;
    fr->incoming = NULL;
    fr->incoming_last = &fr->incoming;
    stopping = fr->stopping;
    cancels = fr->cancels;
    fr->cancels = false;
    pthread_mutex_unlock(&fr->lock);
    while (f) {
        struct fetch *next = f->queued;

        if (atomic_load_explicit(&f->cancelled, memory_order_acquire) || stopping)
            loop_post(fr->loop, &f->message);
        else
            begin(fr, f);
        f = next;
    }
    for (size_t i = fr->active_n; cancels && i-- > 0;)
        if (atomic_load_explicit(&fr->active[i]->cancelled, memory_order_acquire))
            finish(fr, fr->active[i]);
    for (size_t i = fr->waiting_n; cancels && i-- > 0;) {
        struct fetch *w;

        assert(fr->waiting); /* as waiting_n says */
        w = fr->waiting[i];
        if (!atomic_load_explicit(&w->cancelled, memory_order_acquire))
            continue;
        fr->waiting[i] = fr->waiting[--fr->waiting_n];
        finish(fr, w);
    }
    return !stopping;
}

void *fetch_net_main(void *arg)
{
    struct fetcher *fr = arg;
    CURLM *multi;

    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    assert(multi); /* bookkeeping: without memory for it nothing else works either */
    (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    pthread_mutex_lock(&fr->lock);
    fr->multi = multi;
    pthread_mutex_unlock(&fr->lock);
    while (take_incoming(fr)) {
        CURLMsg *m;
        int running, left;

        (void)curl_multi_perform(multi, &running);
        while ((m = curl_multi_info_read(multi, &left))) {
            struct fetch *f = NULL;

            if (m->msg != CURLMSG_DONE)
                continue;
            (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
            complete(fr, f, m->data.result);
        }
        (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    }
    while (fr->active_n)
        finish(fr, fr->active[fr->active_n - 1]);
    while (fr->spare_n)
        curl_easy_cleanup(fr->spare[--fr->spare_n]);
    (void)curl_multi_cleanup(multi);
    mem_free(fr->active);
    intakes_fini(&fr->bodies_active);
    mem_free(fr->waiting);
    curl_global_cleanup();
    return NULL;
}
