/* The way of a request: head checked on the loop -> decompressed, decoded and resolved on the parse
 * lane -> committed from the loop -> answered when the store is done.
 *
 * Most requests repeat series the store knows: then no label set is built, and the index lock is
 * not taken. When the store cut its head meanwhile (SINK_STALE), the lane resolves all again.
 */
#include "collect/push/remote_write.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/families.h"
#include "collect/push/ref_cache.h"
#include "collect/push/write_request.h"
#include "http/server.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "sys/lanes.h"
#include "sys/loop.h"
#include "text/snappy_block.h"

#define SERIES_CACHED_MAX (1u << 20)   /* 32 MiB of cache at most */
#define MEMORY_MAX        (256u << 20) /* of all requests under way */
#define ATTEMPTS_MAX      8u           /* to resolve while the store cuts its head */

struct remote_write {
    struct remote_write_context context;
    struct budget budget;
    struct ref_cache cache;
    struct families families;        /* on the loop */
    struct remote_write_stats stats; /* on the loop */
    size_t under_way;
};

/* One request, from head to answer. */
struct push {
    struct lane_job job; /* first */
    struct sink_batch batch;
    struct loop_message committed;
    struct remote_write *rw;
    struct http_request *http;
    struct arena arena;
    bool gone; /* the client is: store, but do not answer */
    bool decoded;
    bool too_large; /* by its own size, not for want of memory */
    unsigned attempts;

    struct write_request request;
    size_t rows_total; /* before bad series were taken out */
    uint32_t *ids;     /* [series_n] of `generation`; REF_CACHE_UNKNOWN: none */
    uint32_t generation;
    size_t refused_series_limit, refused_labels; /* samples */
    size_t refused_exemplars;                    /* of series without an id */
    char why_labels[200];                        /* the first bad label set */
    int failed;                                  /* the lane's result */
    struct err err;
};

struct remote_write *remote_write_new(const struct remote_write_context *context)
{
    struct remote_write *rw = mem_new(struct remote_write);

    rw->context = *context;
    budget_init(&rw->budget, "memory of remote write", MEMORY_MAX, context->budget);
    ref_cache_init(&rw->cache, SERIES_CACHED_MAX);
    families_init(&rw->families);
    return rw;
}

void remote_write_free(struct remote_write *rw)
{
    if (!rw)
        return;
    assert(rw->under_way == 0);
    families_fini(&rw->families);
    ref_cache_fini(&rw->cache);
    mem_free(rw);
}

struct remote_write_stats remote_write_stats(const struct remote_write *rw)
{
    struct remote_write_stats stats = rw->stats;

    stats.cached_series = ref_cache_count((struct ref_cache *)&rw->cache);
    return stats;
}

/* ---- the lane: decode and resolve ---- */

/* Resolves those of the series whose id is unknown: builds their labels, one call for all. Series
 * with bad labels keep REF_CACHE_UNKNOWN. */
static int resolve_unknown(struct push *p, size_t unknown, uint32_t *generation, struct err *err)
{
    struct sink *sink = p->rw->context.sink;
    const struct labels **sets = arena_new_array(&p->arena, const struct labels *, unknown, err);
    uint32_t *places = arena_alloc(&p->arena, unknown * sizeof *places, err);
    struct sink_ref *refs = arena_alloc(&p->arena, unknown * sizeof *refs, err);
    size_t n = 0;

    if (!sets || !places || !refs)
        return -1;
    p->refused_labels = p->refused_series_limit = 0;
    for (size_t i = 0; i < p->request.series_n; i++) {
        const struct write_series *series = &p->request.series[i];
        struct err bad = {.kind = ERR_NONE};

        if (p->ids[i] != REF_CACHE_UNKNOWN)
            continue;
        if (write_request_labels(series->labels, &p->arena, &sets[n], &bad) == 0) {
            places[n++] = (uint32_t)i;
            continue;
        }
        if (bad.kind != ERR_TYPE) {
            *err = bad;
            return -1;
        }
        if (!p->refused_labels)
            (void)snprintf(p->why_labels, sizeof p->why_labels, "%.*s",
                           (int)sizeof p->why_labels - 1, bad.text);
        p->refused_labels += series->rows_n;
    }
    if (n && sink->resolve(sink, NULL, sets, n, refs, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        p->ids[places[i]] = refs[i].id;
        if (refs[i].id == SINK_NO_ID)
            p->refused_series_limit += p->request.series[places[i]].rows_n;
    }
    if (n)
        *generation = refs[0].generation;
    return 0;
}

/* Fills ids, all of one generation. */
static int resolve(struct push *p, struct err *err)
{
    struct ref_cache *cache = &p->rw->cache;
    const struct write_request *r = &p->request;

    for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        uint32_t cached, resolved;
        size_t unknown;

        if (!r->series_n)
            return 0;
        unknown = ref_cache_find(cache, &r->series[0].key, sizeof r->series[0], r->series_n, p->ids,
                                 &cached);
        resolved = cached;
        if (unknown && resolve_unknown(p, unknown, &resolved, err) < 0)
            return -1;
        if (resolved == cached || unknown == r->series_n) {
            if (unknown)
                ref_cache_put(cache, resolved, &r->series[0].key, sizeof r->series[0], r->series_n,
                              p->ids);
            p->generation = resolved;
            return 0;
        }
        /* The store handed out new ids meanwhile, so the cached ones mean nothing any more. */
        ref_cache_drop(cache, cached);
    }
    return err_set(err, ERR_TIMEOUT, "the store is changing over; send again");
}

struct order {
    struct sink_row row;
    uint32_t place;
};

static int by_time_then_place(const void *a, const void *b)
{
    const struct order *x = a, *y = b;

    if (x->row.ts != y->row.ts)
        return x->row.ts < y->row.ts ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* Rows in order of time, equal times as they came. By time and not by series, since rows of one
 * time next to each other are one short record of the log. */
static int sort_rows(struct push *p, struct sink_row *rows, size_t n, struct err *err)
{
    struct order *order = arena_alloc(&p->arena, n * sizeof *order, err);

    if (!order)
        return -1;
    for (size_t i = 0; i < n; i++)
        order[i] = (struct order){rows[i], (uint32_t)i};
    qsort(order, n, sizeof *order, by_time_then_place);
    for (size_t i = 0; i < n; i++)
        rows[i] = order[i].row;
    return 0;
}

/* Do the times of each series ascend, as the store asks for? A sender mixes targets and times, so a
 * series may be there again. A table of each series' newest row, twice their number. */
static int look_at_order(struct push *p, const struct sink_row *rows, size_t n, bool *ascends,
                         struct err *err)
{
    size_t cap = 16;
    uint32_t *newest;

    while (cap < n * 2)
        cap *= 2;
    newest = arena_alloc(&p->arena, cap * sizeof *newest, err);
    if (!newest)
        return -1;
    memset(newest, 0xff, cap * sizeof *newest);
    *ascends = true;
    for (size_t i = 0; i < n && *ascends; i++) {
        size_t at = (rows[i].ref.id * UINT32_C(0x9e3779b1)) & (cap - 1);

        while (newest[at] != UINT32_MAX && rows[newest[at]].ref.id != rows[i].ref.id)
            at = (at + 1) & (cap - 1);
        *ascends = newest[at] == UINT32_MAX || rows[newest[at]].ts <= rows[i].ts;
        newest[at] = (uint32_t)i;
    }
    return 0;
}

/* Gives rows their refs, leaves out those without, and sorts if need be. */
static int fill_rows(struct push *p, struct err *err)
{
    const struct write_request *r = &p->request;
    struct sink_row *rows = arena_alloc(&p->arena, r->rows_n * sizeof *rows, err);
    bool ascends;
    size_t n = 0;

    if (!rows)
        return -1;
    for (size_t i = 0; i < r->series_n; i++) {
        const struct write_series *series = &r->series[i];

        if (p->ids[i] == REF_CACHE_UNKNOWN)
            continue;
        for (uint32_t k = 0; k < series->rows_n; k++) {
            rows[n] = r->rows[series->first_row + k];
            rows[n].ref = (struct sink_ref){p->ids[i], p->generation};
            n++;
        }
    }
    if (look_at_order(p, rows, n, &ascends, err) < 0 ||
        (!ascends && sort_rows(p, rows, n, err) < 0))
        return -1;
    p->batch.row_outcomes = arena_alloc(&p->arena, n, err);
    if (!p->batch.row_outcomes)
        return -1;
    p->batch.rows = rows;
    p->batch.rows_n = n;
    return 0;
}

static int fill_exemplars(struct push *p, struct err *err)
{
    const struct write_request *r = &p->request;
    struct sink_exemplar *items = arena_alloc(&p->arena, r->exemplars_n * sizeof *items, err);
    size_t n = 0;

    if (!items)
        return -1;
    for (size_t i = 0; i < r->exemplars_n; i++) {
        const struct write_exemplar *e = &r->exemplars[i];
        struct sink_ref ref = {p->ids[e->series], p->generation};

        if (ref.id != REF_CACHE_UNKNOWN)
            items[n++] = (struct sink_exemplar){ref, e->ts, e->value, e->labels};
    }
    p->batch.exemplars = items;
    p->batch.exemplars_n = n;
    p->refused_exemplars = r->exemplars_n - n;
    return 0;
}

static int decode(struct push *p, struct err *err)
{
    struct str message;
    size_t size;

    if (snappy_block_size(p->http->body, WRITE_REQUEST_BYTES_MAX, "lower max_samples_per_send",
                          &size, err) < 0) {
        p->too_large = err->kind == ERR_LIMIT;
        return -1;
    }
    if (snappy_block_read(p->http->body, size, &p->arena, &message, err) < 0 ||
        write_request_decode(message, &p->arena, &p->request, err) < 0)
        return -1;
    p->ids = arena_alloc(&p->arena, p->request.series_n * sizeof *p->ids, err);
    p->decoded = p->ids != NULL;
    return p->ids ? 0 : -1;
}

static void run(struct lane_job *job)
{
    struct push *p = CONTAINER_OF(job, struct push, job);

    p->failed = -1;
    if ((!p->decoded && decode(p, &p->err) < 0) || resolve(p, &p->err) < 0 ||
        fill_rows(p, &p->err) < 0 || fill_exemplars(p, &p->err) < 0)
        return;
    p->failed = 0;
}

/* ---- the loop: head, commit, answer ---- */

static void finish(struct push *p, int status, const char *text)
{
    struct remote_write *rw = p->rw;
    struct http_request *http = p->http;

    if (status == 503)
        rw->stats.unavailable++;
    else if (status >= 400)
        rw->stats.bad_requests++;
    if (!p->gone) {
        if (status == 503)
            http_reply_header(
                http, "Retry-After",
                p->batch.reason == SINK_DISK_FULL || p->batch.reason == SINK_DISK_ERROR ? "30"
                                                                                        : "1");
        if (status == 204)
            http_reply(http, 204, "text/plain", STR(""));
        else
            http_reply_error(http, status, arena_cstr(http->arena, str_c(text), NULL));
    }
    http_release(http);
    rw->under_way--;
    arena_fini(&p->arena);
    mem_free(p);
}

static void finish_failed(struct push *p)
{
    char text[600];
    int status = 503;

    if (p->err.kind == ERR_SYNTAX)
        status = 400;
    else if (p->too_large)
        status = 413;
    (void)err_format(&p->err, text, sizeof text);
    finish(p, status, text);
}

static const char *const reasons[] = {
    [SINK_NO_REASON] = "not stored",
    [SINK_DISK_FULL] = "the disk is full",
    [SINK_DISK_ERROR] = "the disk cannot be written",
    [SINK_BUSY] = "too many samples wait already",
    [SINK_CLOSING] = "earshot is stopping",
    [SINK_UNLOGGED_FULL] = "the disk is full, and so is the memory kept for it",
};

/* Names the first sample the store refused: its series and time. */
static void add_first_refused(struct push *p, struct buf *text)
{
    const struct write_request *r = &p->request;
    const struct labels *labels;
    size_t row = 0, i = 0;

    while (row < p->batch.rows_n && p->batch.row_outcomes[row] <= SINK_DUPLICATE)
        row++;
    if (row == p->batch.rows_n)
        return;
    while (i < r->series_n && p->ids[i] != p->batch.rows[row].ref.id)
        i++;
    if (i == r->series_n || write_request_labels(r->series[i].labels, &p->arena, &labels, NULL) < 0)
        return;
    buf_adds(text, "; first: ");
    labels_print(labels, text);
    buf_addf(text, " at %lld ms", (long long)p->batch.rows[row].ts);
}

static void add_reason(struct buf *text, size_t n, const char *words)
{
    if (n)
        buf_addf(text, "%s %zu %s", text->p[text->n - 1] == ':' ? "" : ",", n, words);
}

/* The stored part stands; the answer says what is missing and why. */
static void write_refusal(struct push *p, size_t missing, struct buf *text)
{
    const struct write_request *r = &p->request;
    const uint64_t *outcomes = p->batch.outcomes;

    buf_addf(text, "%zu of %zu samples were not stored:", missing, r->rows_n + r->histograms_n);
    add_reason(text, outcomes[SINK_CONFLICT], "with another value at a time already stored");
    add_reason(text, outcomes[SINK_LATE], "older than the late window");
    add_reason(text, outcomes[SINK_FUTURE], "more than 10 minutes in the future");
    add_reason(text, p->refused_series_limit, "of series over the limit of the head");
    add_reason(text, p->refused_labels, "with bad labels");
    if (p->refused_labels)
        buf_addf(text, " (%s)", p->why_labels);
    add_reason(text, r->histograms_n,
               "native histograms, which are not supported (send_native_histograms: false)");
    add_first_refused(p, text);
}

static void finish_written(struct push *p)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = 4096};
    const struct write_request *r = &p->request;
    const uint64_t *outcomes = p->batch.outcomes;
    struct remote_write_stats *stats = &p->rw->stats;
    size_t refused = outcomes[SINK_CONFLICT] + outcomes[SINK_LATE] + outcomes[SINK_FUTURE] +
                     p->refused_labels + p->refused_series_limit;

    stats->samples += outcomes[SINK_OK] + outcomes[SINK_DUPLICATE];
    stats->samples_refused += refused;
    stats->histograms_dropped += r->histograms_n;
    stats->exemplars += p->batch.exemplars_n;
    stats->exemplars_refused += p->refused_exemplars + r->exemplars_refused;
    if (refused + r->histograms_n == 0) {
        finish(p, 204, NULL);
        return;
    }
    write_refusal(p, refused + r->histograms_n, &text);
    finish(p, 400, text.p);
}

static void submit(struct push *p)
{
    p->err.kind = ERR_NONE;
    if (lanes_submit(p->rw->context.lanes, LANE_PARSE, &p->job, &p->err) < 0)
        finish_failed(p);
}

static void on_committed(struct loop_message *m)
{
    struct push *p = CONTAINER_OF(m, struct push, committed);
    char text[200];

    switch (p->batch.verdict) {
    case SINK_WRITTEN:
    case SINK_UNLOGGED:
        finish_written(p);
        break;
    case SINK_STALE:
        ref_cache_drop(&p->rw->cache, p->generation);
        if (++p->attempts < ATTEMPTS_MAX) {
            submit(p);
            break;
        }
        finish(p, 503, "the store is changing over; send again");
        break;
    case SINK_REFUSED:
        families_forget(&p->rw->families);
        (void)snprintf(text, sizeof text, "%s; nothing of this request was stored, send it again",
                       reasons[p->batch.reason]);
        finish(p, 503, text);
        break;
    }
}

/* On a thread of the store. */
static void on_done(struct sink_batch *batch)
{
    struct push *p = batch->done_arg;

    loop_post(p->rw->context.loop, &p->committed);
}

static void commit(struct push *p)
{
    struct sink *sink = p->rw->context.sink;
    struct write_request *r = &p->request;

    if (!p->attempts) {
        size_t n = 0;

        for (size_t i = 0; i < r->metadata_n; i++)
            if (families_note(&p->rw->families, &r->metadata[i]))
                r->metadata[n++] = r->metadata[i];
        r->metadata_n = n;
    }
    p->batch.generation = p->generation;
    p->batch.metadata = r->metadata;
    p->batch.metadata_n = r->metadata_n;
    p->batch.done = on_done;
    p->batch.done_arg = p;
    if (p->batch.rows_n || p->batch.exemplars_n || p->batch.metadata_n)
        sink->commit(sink, &p->batch);
    else
        finish_written(p);
}

static void on_resolved(struct lane_job *job)
{
    struct push *p = CONTAINER_OF(job, struct push, job);

    if (!job->was_run) {
        p->failed = err_set(&p->err, ERR_CANCELLED, "earshot is stopping");
        p->batch.reason = SINK_CLOSING;
    }
    if (p->failed < 0)
        finish_failed(p);
    else
        commit(p);
}

static void on_gone(void *arg)
{
    struct push *p = arg;

    p->gone = true;
}

/* NULL when the head is that of a remote write 1.0, else what is wrong with it. */
static const char *wrong_head(const struct http_request *r)
{
    struct str type = http_header(r, "content-type");
    struct str encoding = str_trim(http_header(r, "content-encoding"));
    struct str media = str_trim(str_split(&type, ';'));
    struct str proto = str_trim(type);

    if (media.n && !(media.n == 22 && strncasecmp(media.p, "application/x-protobuf", 22) == 0))
        return "remote write is Content-Type application/x-protobuf";
    if (str_starts(proto, STR("proto=")) && !str_eq(proto, STR("proto=prometheus.WriteRequest")))
        return "only remote write 1.0 (proto=prometheus.WriteRequest) is taken: set "
               "protobuf_message to it";
    if (encoding.n && !(encoding.n == 6 && strncasecmp(encoding.p, "snappy", 6) == 0))
        return "remote write is Content-Encoding snappy";
    return NULL;
}

void remote_write_handle(struct http_request *r, void *arg)
{
    struct remote_write *rw = arg;
    const char *wrong = wrong_head(r);
    struct push *p;

    rw->stats.requests++;
    if (wrong) {
        rw->stats.bad_requests++;
        http_reply_error(r, 415, wrong);
        return;
    }
    p = mem_new(struct push);
    p->rw = rw;
    p->http = r;
    p->job.run = run;
    p->job.done = on_resolved;
    p->committed.run = on_committed;
    arena_init(&p->arena, &rw->budget);
    rw->under_way++;
    http_hold(r);
    r->on_gone = on_gone;
    r->on_gone_arg = p;
    submit(p);
}
