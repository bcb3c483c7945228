/* The loop's side and the net thread's side of a fetch:
 *
 *     fetch_start -> incoming list -> net thread: curl -> loop_post -> done
 *
 * A fetch is touched by one side at a time: by the net thread from when it leaves the incoming list
 * until its message is posted, by the loop before and after. Only `cancelled` crosses. The net
 * thread starts with the first fetch and sleeps in curl_multi_poll; curl_multi_wakeup is how it is
 * told of something new. curl's global state and its trust store are made on the net thread, since
 * both take longer than the loop may; files of secrets are read there for the same reason.
 *
 * A request that needs a token of oauth2 waits in `waiting` while another fetch, which the net
 * thread makes and keeps for itself (token_of), asks for it.
 */
#include "http/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/bodies.h"
#include "http/client.h"
#include "http/client_settings.h"
#include "http/client_use.h"
#include "http/fetch_error.h"
#include "http/oauth2.h"
#include "http/place.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/thread.h"

#define BUFFER_BYTES     (64L << 10)
#define CONNECTIONS_KEPT 1024L
#define HANDLES_KEPT     16
#define POLL_MS          60000
#define REDIRECTS_MAX    10
#define BODY_FIRST_BYTES (16u << 10)
#define BODY_GUESS_MAX   (16u << 20) /* how much a Content-Length is believed in advance */
#define TOKEN_BODY_MAX   (1u << 20)

struct fetch {
    struct loop_message message;
    struct fetcher *fetcher;   /* NULL: freed before */
    struct fetch *prev, *next; /* the loop's list of those not done */
    struct fetch *queued;      /* the next one in the incoming list */
    atomic_bool cancelled;
    bool done; /* the loop's: the message has run */

    /* copies of the request */
    char *url, *method, *body;
    size_t body_n;
    struct curl_slist *headers;
    int64_t timeout_ms;
    size_t body_max;
    struct client *client; /* a reference, or NULL */
    void (*call)(struct fetch *f, void *arg);
    void *arg;

    /* the net thread's */
    CURL *easy;
    struct client_use use;
    bool away;               /* a redirect has left the place that the client's secrets are for */
    bool had_token;          /* one was asked for already */
    struct client *token_of; /* this asks for a token of that client; a reference */
    struct fetch_trouble trouble;
    char curl_text[CURL_ERROR_SIZE];
    int64_t started_ns;
    int redirects;
    size_t net_at;       /* its place in `active` */
    struct fetcher *net; /* whose `active` it is in */
    char *got;
    size_t got_n, got_cap;
    struct bodies *bodies; /* a reference */
    size_t charged;        /* there, for `got` */
    char *type;
    struct fetch_result result;
};

struct fetcher {
    struct loop *loop;
    struct log *log;
    struct bodies *bodies; /* a reference */
    struct fetch *first;   /* not done; the loop's */
    pthread_t thread;
    bool started; /* the loop's */

    pthread_mutex_t lock; /* guards: multi, incoming, incoming_last, stopping, cancels */
    CURLM *multi;         /* NULL until the net thread has made it */
    struct fetch *incoming, **incoming_last;
    bool stopping, cancels;

    /* the net thread's */
    struct fetch **active;
    size_t active_n, active_cap;
    struct fetch **waiting; /* for a token */
    size_t waiting_n, waiting_cap;
    CURL *spare[HANDLES_KEPT];
    size_t spare_n;
};

/* ---- the net thread ---- */

static int make_room(struct fetch *f, size_t need)
{
    size_t cap = f->got_cap ? f->got_cap : BODY_FIRST_BYTES;
    curl_off_t length = -1;
    char *p;

    if (need <= f->got_cap)
        return 0;
    if (!f->got_cap &&
        curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == 0 &&
        length > (curl_off_t)cap && length <= (curl_off_t)BODY_GUESS_MAX)
        cap = (size_t)length;
    while (cap < need)
        cap *= 2;
    if (cap > f->body_max + 1 && need <= f->body_max)
        cap = f->body_max + 1;
    p = realloc(f->got, cap);
    if (!p)
        return -1;
    f->got = p;
    f->got_cap = cap;
    return 0;
}

static void drop_body(struct fetch *f)
{
    free(take(f->got));
    f->got_n = f->got_cap = 0;
    bodies_return(f->bodies, f->charged);
    f->charged = 0;
}

/* Makes `need` bytes of f count. Where there is no room, the largest answer under way gives way;
 * false: that is f itself. */
static bool charge(struct fetch *f, size_t need)
{
    while (need > f->charged + BODIES_STEP) {
        struct fetch *largest = f;

        if (bodies_charge(f->bodies, f->charged)) {
            f->charged += BODIES_STEP;
            continue;
        }
        for (size_t i = 0; i < f->net->active_n; i++)
            if (f->net->active[i]->charged > largest->charged)
                largest = f->net->active[i];
        largest->trouble.crowded = true;
        largest->trouble.got = largest->got_n;
        drop_body(largest);
        if (largest == f)
            return false;
    }
    return true;
}

/* curl's write callback: anything but `n` ends the transfer. */
static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
    struct fetch *f = arg;

    assert(one == 1);
    if (f->trouble.crowded)
        return 0;
    if (n > f->body_max - f->got_n) {
        f->trouble.too_large = true;
        return 0;
    }
    if (!charge(f, f->got_n + n))
        return 0;
    if (make_room(f, f->got_n + n) < 0) {
        f->trouble.no_memory = true;
        return 0;
    }
    memcpy(f->got + f->got_n, p, n);
    f->got_n += n;
    return n;
}

static CURL *take_handle(struct fetcher *fr)
{
    return fr->spare_n ? fr->spare[--fr->spare_n] : curl_easy_init();
}

static void return_handle(struct fetcher *fr, CURL *easy)
{
    if (fr->spare_n == HANDLES_KEPT) {
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

    return f->client && client_settings_of(f->client)->compression &&
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
    set_method(f);
    return client_apply(f->client, e, f->url, wants_gzip(f) ? f->headers : &no_gzip, !f->away,
                        &f->use, err);
}

static void token_came(struct fetcher *fr, struct fetch *q);

static void finish(struct fetcher *fr, struct fetch *f)
{
    const struct clock *clock = clock_real();

    f->result.seconds = (double)(clock->mono_ns(clock) - f->started_ns) / 1e9;
    if (f->easy) {
        (void)curl_multi_remove_handle(fr->multi, f->easy);
        return_handle(fr, take(f->easy));
        fr->active[f->net_at] = fr->active[--fr->active_n];
        fr->active[f->net_at]->net_at = f->net_at;
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
    f->net = fr;
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
    const struct clock *clock = clock_real();

    f->result.start_ms = clock->wall_ms(clock);
    f->started_ns = clock->mono_ns(clock);
    go(fr, f);
}

/* ---- tokens ---- */

static void destroy(struct fetch *f);
static int add_header(struct fetch *f, const char *line, struct err *err);

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
    q->bodies = bodies_ref(fr->bodies);
    q->token_of = client_ref(f->client);
    q->url = mem_strdup(o->token_url);
    q->method = mem_strdup("POST");
    q->timeout_ms = left_ms > 0 ? left_ms : 1;
    q->body_max = TOKEN_BODY_MAX;
    client_token(f->client)->asking = true;
    if (oauth2_form(o, client_token(f->client), &form, &settings, err) < 0 ||
        add_header(q, "Content-Type: application/x-www-form-urlencoded", err) < 0 ||
        add_header(q, "Accept: application/json", err) < 0 || add_header(q, "Expect:", err) < 0) {
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
    destroy(q);
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
    mem_free(f->url);
    f->url = to;
    f->got_n = 0;
    (void)curl_multi_remove_handle(fr->multi, f->easy);
    client_use_fini(&f->use);
    curl_easy_reset(f->easy);
    if (set_options(f, &f->result.err) < 0)
        return REDIRECT_REFUSED;
    (void)curl_multi_add_handle(fr->multi, f->easy);
    return REDIRECT_FOLLOWED;
}

static void complete(struct fetcher *fr, struct fetch *f, CURLcode code)
{
    long status = 0;
    const char *type = NULL;
    curl_off_t wire = 0;

    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(f->easy, CURLINFO_SIZE_DOWNLOAD_T, &wire);
    f->result.wire_bytes = (size_t)wire;
    if (code != CURLE_OK || f->trouble.crowded) {
        f->trouble.url = f->url;
        f->trouble.timeout_ms = f->timeout_ms;
        f->trouble.body_max = f->body_max;
        if (!f->trouble.crowded)
            f->trouble.got = f->got_n;
        f->trouble.curl_text = f->curl_text;
        f->trouble.proxied = f->use.proxied;
        fetch_error_explain(f->easy, code, &f->trouble, &f->result.err);
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
        f->result.status = (int)status;
        f->result.content_type = str_c(f->type ? f->type : "");
        f->result.body = (struct str){f->got ? f->got : "", f->got_n};
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
        struct fetch *w = fr->waiting[i];

        if (!atomic_load_explicit(&w->cancelled, memory_order_acquire))
            continue;
        fr->waiting[i] = fr->waiting[--fr->waiting_n];
        finish(fr, w);
    }
    return !stopping;
}

static void *net_main(void *arg)
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
    mem_free(fr->waiting);
    curl_global_cleanup();
    return NULL;
}

/* ---- the loop ---- */

static void unlist(struct fetch *f)
{
    if (f->fetcher) {
        *(f->prev ? &f->prev->next : &f->fetcher->first) = f->next;
        if (f->next)
            f->next->prev = f->prev;
    }
    f->fetcher = NULL;
}

static void destroy(struct fetch *f)
{
    unlist(f);
    curl_slist_free_all(f->headers);
    mem_free(f->url);
    mem_free(f->method);
    if (f->body && f->token_of)
        explicit_bzero(f->body, f->body_n); /* it may hold the secret */
    mem_free(f->body);
    client_unref(f->client);
    client_unref(f->token_of);
    mem_free(f->type);
    drop_body(f);
    bodies_unref(f->bodies);
    mem_free(f);
}

static void on_message(struct loop_message *m)
{
    struct fetch *f = CONTAINER_OF(m, struct fetch, message);

    f->done = true;
    if (atomic_load_explicit(&f->cancelled, memory_order_relaxed)) {
        destroy(f);
        return;
    }
    unlist(f);
    f->call(f, f->arg); /* frees it */
}

int fetcher_new(struct loop *loop, struct log *log, struct fetcher **out, struct err *err)
{
    struct fetcher *fr = mem_new(struct fetcher);

    (void)err; /* all that can fail waits for the first fetch */
    fr->loop = loop;
    fr->log = log;
    fr->bodies = bodies_new();
    fr->incoming_last = &fr->incoming;
    pthread_mutex_init(&fr->lock, NULL);
    *out = fr;
    return 0;
}

void fetcher_set_bodies_max(struct fetcher *fr, size_t bytes)
{
    atomic_store_explicit(&fr->bodies->max, bytes, memory_order_relaxed);
}

/* Under the lock; curl_multi_wakeup may be called from any thread. */
static void wake_net(struct fetcher *fr)
{
    if (fr->multi)
        (void)curl_multi_wakeup(fr->multi);
}

void fetcher_free(struct fetcher *fr)
{
    if (!fr)
        return;
    assert(loop_is_here(fr->loop));
    if (fr->started) {
        pthread_mutex_lock(&fr->lock);
        fr->stopping = true;
        wake_net(fr);
        pthread_mutex_unlock(&fr->lock);
        (void)pthread_join(fr->thread, NULL);
    }
    /* The thread has posted all of them: their messages free them when the loop runs again. */
    while (fr->first) {
        atomic_store_explicit(&fr->first->cancelled, true, memory_order_relaxed);
        unlist(fr->first);
    }
    pthread_mutex_destroy(&fr->lock);
    bodies_unref(fr->bodies);
    mem_free(fr);
}

static bool is_clean(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static int check(const struct fetch_request *q, struct err *err)
{
    if (fetch_error_check_url(q->url, err) < 0)
        return -1;
    if (!is_clean(q->url) || (q->method && !is_clean(q->method)))
        return err_set(err, ERR_SYNTAX, "the URL holds a control character");
    for (size_t i = 0; i < q->headers_n; i++)
        if (!is_clean(q->headers[i]))
            return err_set(err, ERR_SYNTAX, "header %zu holds a control character", i + 1);
    assert(q->timeout_ms > 0 && q->done && q->body_max < SIZE_MAX);
    return 0;
}

static int add_header(struct fetch *f, const char *line, struct err *err)
{
    struct curl_slist *list = curl_slist_append(f->headers, line);

    if (!list)
        return err_set(err, ERR_NOMEM, "no memory for a request");
    f->headers = list;
    return 0;
}

static int copy_request(struct fetch *f, const struct fetch_request *q, struct err *err)
{
    for (size_t i = 0; i < q->headers_n; i++)
        if (add_header(f, q->headers[i], err) < 0)
            return -1;
    /* Waiting for "100 Continue" costs a second with servers that do not know it. */
    if (add_header(f, "Expect:", err) < 0)
        return -1;
    f->url = mem_strdup(q->url);
    f->method = mem_strdup(q->method ? q->method : "GET");
    if (q->body.p) {
        f->body = mem_dup(q->body.p, q->body.n);
        f->body_n = q->body.n;
    }
    f->timeout_ms = q->timeout_ms;
    f->body_max = q->body_max;
    f->client = client_ref(q->client);
    f->call = q->done;
    f->arg = q->arg;
    return 0;
}

int fetch_start(struct fetcher *fr, const struct fetch_request *q, struct fetch **out,
                struct err *err)
{
    struct fetch *f;

    assert(loop_is_here(fr->loop));
    if (check(q, err) < 0)
        return -1;
    if (!fr->started) {
        if (thread_start(&fr->thread, "net", net_main, fr, err) < 0)
            return -1;
        fr->started = true;
    }
    f = mem_new(struct fetch);
    f->message.run = on_message;
    f->bodies = bodies_ref(fr->bodies);
    client_use_init(&f->use);
    if (copy_request(f, q, err) < 0) {
        destroy(f);
        return -1;
    }
    f->fetcher = fr;
    f->next = fr->first;
    if (fr->first)
        fr->first->prev = f;
    fr->first = f;
    *out = f; /* before the net thread may be done with it */
    pthread_mutex_lock(&fr->lock);
    *fr->incoming_last = f;
    fr->incoming_last = &f->queued;
    wake_net(fr);
    pthread_mutex_unlock(&fr->lock);
    return 0;
}

void fetch_cancel(struct fetch *f)
{
    struct fetcher *fr;

    if (!f)
        return;
    if (f->done) {
        destroy(f);
        return;
    }
    atomic_store_explicit(&f->cancelled, true, memory_order_release);
    fr = f->fetcher;
    if (!fr)
        return;
    assert(loop_is_here(fr->loop));
    pthread_mutex_lock(&fr->lock);
    fr->cancels = true;
    wake_net(fr);
    pthread_mutex_unlock(&fr->lock);
}

const struct fetch_result *fetch_result(const struct fetch *f)
{
    return &f->result;
}

char *fetch_take_body(struct fetch *f, size_t *n)
{
    assert(f->done);
    *n = f->got_n;
    f->result.body = (struct str){"", 0};
    if (f->got && f->got_cap - f->got_n > f->got_n / 8)
        f->got = mem_realloc(f->got, f->got_n ? f->got_n : 1); /* it may be kept for long */
    f->got_n = f->got_cap = 0;
    bodies_return(f->bodies, f->charged);
    f->charged = 0;
    return take(f->got);
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    assert(f->done); /* before that it is fetch_cancel */
    destroy(f);
}
