/* The loop's side and the net thread's side of a fetch:
 *
 *     fetch_start -> incoming list -> net thread: curl -> loop_post -> done
 *
 * A fetch is touched by one side at a time: by the net thread from when it leaves the incoming list
 * until its message is posted, by the loop before and after. Only `cancelled` crosses. The net
 * thread starts with the first fetch and sleeps in curl_multi_poll; curl_multi_wakeup is how it is
 * told of something new. curl's global state and its trust store are made on the net thread, since
 * both take longer than the loop may.
 */
#include "http/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/fetch_error.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/thread.h"

#define BUFFER_BYTES     (64L << 10)
#define CONNECTIONS_KEPT 1024L
#define HANDLES_KEPT     16
#define POLL_MS          60000
#define REDIRECTS_MAX    5
#define BODY_FIRST_BYTES (16u << 10)
#define BODY_GUESS_MAX   (16u << 20) /* how much a Content-Length is believed in advance */

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
    bool follow, accept_gzip;
    void (*call)(struct fetch *f, void *arg);
    void *arg;

    /* the net thread's */
    CURL *easy;
    struct fetch_trouble trouble;
    char curl_text[CURL_ERROR_SIZE];
    int64_t started_ns;
    int redirects;
    size_t net_at; /* its place in `active` */
    char *got;
    size_t got_n, got_cap;
    char *type;
    struct fetch_result result;
};

struct fetcher {
    struct loop *loop;
    struct log *log;
    struct fetch *first; /* not done; the loop's */
    pthread_t thread;
    bool started; /* the loop's */

    pthread_mutex_t lock; /* guards: multi, incoming, incoming_last, stopping, cancels */
    CURLM *multi;         /* NULL until the net thread has made it */
    struct fetch *incoming, **incoming_last;
    bool stopping, cancels;

    /* the net thread's */
    struct fetch **active;
    size_t active_n, active_cap;
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

/* curl's write callback: anything but `n` ends the transfer. */
static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
    struct fetch *f = arg;

    assert(one == 1);
    if (n > f->body_max - f->got_n) {
        f->trouble.too_large = true;
        return 0;
    }
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

static void set_options(struct fetch *f)
{
    CURL *e = f->easy;

    curl_easy_setopt(e, CURLOPT_URL, f->url);
    curl_easy_setopt(e, CURLOPT_PRIVATE, f);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL); /* a folder of 140 files is read anew each time */
    curl_easy_setopt(e, CURLOPT_USERAGENT, "earshot");
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->curl_text);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)f->timeout_ms);
    if (f->accept_gzip)
        curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (fetch_error_is_loopback(f->url))
        curl_easy_setopt(e, CURLOPT_PROXY, "");
    set_method(f);
}

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
    loop_post(fr->loop, &f->message);
}

static void begin(struct fetcher *fr, struct fetch *f)
{
    const struct clock *clock = clock_real();
    CURL *easy = take_handle(fr);

    f->result.start_ms = clock->wall_ms(clock);
    f->started_ns = clock->mono_ns(clock);
    if (!easy) {
        (void)err_set(&f->result.err, ERR_NOMEM, "no memory for a request");
        finish(fr, f);
        return;
    }
    f->easy = easy;
    f->net_at = fr->active_n;
    fr->active = mem_grow(fr->active, &fr->active_cap, fr->active_n + 1, sizeof(struct fetch *));
    fr->active[fr->active_n++] = f;
    set_options(f);
    if (curl_multi_add_handle(fr->multi, easy) != CURLM_OK) {
        (void)err_set(&f->result.err, ERR_NOMEM, "no memory for a request");
        finish(fr, f);
    }
}

/* Goes on to where the answer points, if that is allowed. 1: under way, 0: keep the answer, -1:
 * err. */
enum redirect { REDIRECT_NONE, REDIRECT_FOLLOWED, REDIRECT_REFUSED };

static enum redirect redirect(struct fetcher *fr, struct fetch *f, long status)
{
    const struct clock *clock = clock_real();
    int64_t spent_ms = (clock->mono_ns(clock) - f->started_ns) / 1000000;
    char *to = NULL;

    if (!f->follow || status < 301 || status > 308 || strcmp(f->method, "GET") != 0)
        return REDIRECT_NONE;
    if (curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_URL, &to) != CURLE_OK || !to)
        return REDIRECT_NONE;
    if (f->redirects++ == REDIRECTS_MAX) {
        (void)err_set(&f->result.err, ERR_LIMIT, "more than %d redirects", REDIRECTS_MAX);
        return REDIRECT_REFUSED;
    }
    if (fetch_error_check_redirect(f->url, to, &f->result.err) < 0)
        return REDIRECT_REFUSED;
    if (spent_ms >= f->timeout_ms) {
        (void)err_set(&f->result.err, ERR_TIMEOUT, "timeout after %g s",
                      (double)f->timeout_ms / 1000);
        return REDIRECT_REFUSED;
    }
    mem_free(f->url);
    f->url = mem_strdup(to);
    f->got_n = 0;
    (void)curl_multi_remove_handle(fr->multi, f->easy);
    curl_easy_setopt(f->easy, CURLOPT_URL, f->url);
    curl_easy_setopt(f->easy, CURLOPT_TIMEOUT_MS, (long)(f->timeout_ms - spent_ms));
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
    if (code != CURLE_OK) {
        f->trouble.url = f->url;
        f->trouble.timeout_ms = f->timeout_ms;
        f->trouble.body_max = f->body_max;
        f->trouble.got = f->got_n;
        f->trouble.curl_text = f->curl_text;
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
    mem_free(f->body);
    mem_free(f->type);
    free(f->got);
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
    fr->incoming_last = &fr->incoming;
    pthread_mutex_init(&fr->lock, NULL);
    *out = fr;
    return 0;
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
    f->follow = q->follow_redirects;
    f->accept_gzip = q->accept_gzip;
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

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    assert(f->done); /* before that it is fetch_cancel */
    destroy(f);
}
