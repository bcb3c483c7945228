/* The loop's side of a fetch: see fetch_impl.h. */
#include "http/fetch.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/bodies.h"
#include "http/client.h"
#include "http/client_settings.h"
#include "http/fetch_error.h"
#include "http/fetch_impl.h"
#include "http/proxy.h"
#include "sys/clock.h"
#include "sys/thread.h"

void fetch_note_start(struct fetch *f)
{
    const struct clock *clock = clock_real();

    if (f->started_ns)
        return; /* it was begun near */
    f->result.start_ms = clock->wall_ms(clock);
    f->started_ns = clock->mono_ns(clock);
}

void fetch_note_end(struct fetch *f)
{
    const struct clock *clock = clock_real();

    f->result.seconds = (double)(clock->mono_ns(clock) - f->started_ns) / 1e9;
}

/* The answer is there. */
void fetch_set_result(struct fetch *f, int status)
{
    f->result.status = status;
    f->result.content_type = str_c(f->type ? f->type : "");
    f->result.body = (struct str){f->in.p ? f->in.p : "", f->in.n};
}

static void unlist(struct fetch *f)
{
    if (f->fetcher) {
        *(f->prev ? &f->prev->next : &f->fetcher->first) = f->next;
        if (f->next)
            f->next->prev = f->prev;
    }
    f->fetcher = NULL;
}

void fetch_destroy(struct fetch *f)
{
    unlist(f);
    curl_slist_free_all(f->headers);
    mem_free(f->url);
    mem_free(f->method);
    mem_free(f->socket_path);
    if (f->body && f->token_of)
        explicit_bzero(f->body, f->body_n); /* it may hold the secret */
    mem_free(f->body);
    client_unref(f->client);
    client_unref(f->token_of);
    mem_free(f->type);
    if (f->trace)
        trace_fini(f->trace);
    mem_free(f->trace);
    intake_fini(&f->in);
    mem_free(f);
}

static void on_message(struct loop_message *m)
{
    struct fetch *f = CONTAINER_OF(m, struct fetch, message);

    f->done = true;
    if (atomic_load_explicit(&f->cancelled, memory_order_relaxed)) {
        fetch_destroy(f);
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
    fr->near = near_new(loop);
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

static void forget_near(struct fetch *f)
{
    near_cancel(&f->near);
    intake_leave(&f->in);
    fetch_destroy(f);
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
    while (fr->first) {
        struct fetch *f = fr->first;

        if (f->near.conn) {
            forget_near(f);
            continue;
        }
        /* The thread has posted it: its message frees it when the loop runs again. */
        atomic_store_explicit(&f->cancelled, true, memory_order_relaxed);
        unlist(f);
    }
    near_free(fr->near);
    intakes_fini(&fr->near_bodies);
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

int fetch_add_header(struct fetch *f, const char *line, struct err *err)
{
    struct curl_slist *list = curl_slist_append(f->headers, line);

    if (!list)
        return err_set(err, ERR_NOMEM, "no memory for a request");
    f->headers = list;
    return 0;
}

static int check(const struct fetch_request *q, struct err *err)
{
    if (!is_clean(q->url) || (q->method && !is_clean(q->method)))
        return err_set(err, ERR_SYNTAX, "the URL holds a control character");
    for (size_t i = 0; i < q->headers_n; i++)
        if (!is_clean(q->headers[i]))
            return err_set(err, ERR_SYNTAX, "header %zu holds a control character", i + 1);
    assert(q->timeout_ms > 0 && q->done && q->body_max < SIZE_MAX);
    return 0;
}

static int copy_request(struct fetch *f, const struct fetch_request *q, struct err *err)
{
    for (size_t i = 0; i < q->headers_n; i++)
        if (fetch_add_header(f, q->headers[i], err) < 0)
            return -1;
    /* Waiting for "100 Continue" costs a second with servers that do not know it. */
    if (fetch_add_header(f, "Expect:", err) < 0)
        return -1;
    f->url = mem_strdup(q->url);
    f->method = mem_strdup(q->method ? q->method : "GET");
    f->socket_path = q->socket_path ? mem_strdup(q->socket_path) : NULL;
    if (q->body.p) {
        f->body = mem_dup(q->body.p, q->body.n);
        f->body_n = q->body.n;
    }
    if (q->traced) {
        f->trace = mem_new(struct fetch_trace);
        trace_init(f->trace, q->cookies_of);
        f->result.trace = f->trace;
    }
    f->timeout_ms = q->timeout_ms;
    f->client = client_ref(q->client);
    f->call = q->done;
    f->arg = q->arg;
    return 0;
}

static int start_net(struct fetcher *fr, const char *url, struct err *err)
{
    if (fetch_error_check_url(url, err) < 0)
        return -1;
    if (!fr->started && thread_start(&fr->thread, "net", fetch_net_main, fr, err) < 0)
        return -1;
    fr->started = true;
    return 0;
}

static void hand_to_net(struct fetcher *fr, struct fetch *f)
{
    pthread_mutex_lock(&fr->lock);
    *fr->incoming_last = f;
    fr->incoming_last = &f->queued;
    wake_net(fr);
    pthread_mutex_unlock(&fr->lock);
}

static void complete_near(struct fetch *f)
{
    if (f->near.answer.type[0])
        f->type = mem_strdup(f->near.answer.type);
    f->result.wire_bytes = f->in.n;
    fetch_set_result(f, f->near.answer.status);
}

static void on_near(struct near_request *r, enum near_end end)
{
    struct fetch *f = CONTAINER_OF(r, struct fetch, near);
    struct fetcher *fr = f->fetcher;

    intake_leave(&f->in);
    switch (end) {
    case NEAR_UNUSUAL:
        f->in.n = 0;
        if (start_net(fr, f->url, &f->result.err) == 0) {
            hand_to_net(fr, f);
            return;
        }
        break;
    case NEAR_FAILED:
        f->result.err = r->err;
        break;
    case NEAR_ANSWERED:
        complete_near(f);
        break;
    }
    fetch_note_end(f);
    on_message(&f->message);
}

/* Is there nothing about it that libcurl is needed for? */
static bool is_plain(const struct fetch_request *q)
{
    static const struct client_proxy environment = {.from_environment = true};
    const struct client_settings *s = q->client ? client_settings_of(q->client) : NULL;

    if (q->traced || q->body.p || q->socket_path || (q->method && strcmp(q->method, "GET") != 0) ||
        proxy_of(s ? &s->proxy : &environment, q->url))
        return false;
    return !s || (!client_auth_key(q->client) && !s->headers_n);
}

static bool start_near(struct fetcher *fr, struct fetch *f, const struct fetch_request *q)
{
    f->near = (struct near_request){
        .url = f->url,
        .headers = q->headers,
        .headers_n = q->headers_n,
        .timeout_ms = q->timeout_ms,
        .follow_redirects = q->client && client_settings_of(q->client)->follow_redirects,
        .body = &f->in,
        .done = on_near};
    if (!is_plain(q) || !near_start(fr->near, &f->near))
        return false;
    intake_enter(&f->in, &fr->near_bodies);
    fetch_note_start(f);
    return true;
}

int fetch_start(struct fetcher *fr, const struct fetch_request *q, struct fetch **out,
                struct err *err)
{
    struct fetch *f;
    bool near;

    assert(loop_is_here(fr->loop));
    if (check(q, err) < 0)
        return -1;
    f = mem_new(struct fetch);
    f->message.run = on_message;
    intake_init(&f->in, fr->bodies, q->body_max);
    client_use_init(&f->use);
    if (copy_request(f, q, err) < 0) {
        fetch_destroy(f);
        return -1;
    }
    near = start_near(fr, f, q);
    if (!near && start_net(fr, f->url, err) < 0) {
        fetch_destroy(f);
        return -1;
    }
    f->fetcher = fr;
    f->next = fr->first;
    if (fr->first)
        fr->first->prev = f;
    fr->first = f;
    *out = f; /* before the net thread may be done with it */
    if (!near)
        hand_to_net(fr, f);
    return 0;
}

void fetch_cancel(struct fetch *f)
{
    struct fetcher *fr;

    if (!f)
        return;
    if (f->done) {
        fetch_destroy(f);
        return;
    }
    if (f->near.conn) {
        forget_near(f);
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
    f->result.body = (struct str){"", 0};
    return intake_take(&f->in, n);
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    assert(f->done); /* before that it is fetch_cancel */
    fetch_destroy(f);
}
