/* POST /api/v1/read: Prometheus' remote read, as samples in one message or as chunks in frames.
 *
 * A matcher that asks for an external label by its value means series that carry none, as they do
 * here; the answer adds the external labels. Samples are compressed as they are read, and the
 * answer is bounded; chunks go out series by series as the client takes them.
 */
#include "api/internal.h"
#include "api/job.h"
#include "api/selectors.h"
#include "model/matcher.h"
#include "model/source.h"
#include "promql/query.h"
#include "remote/read_answer.h"
#include "remote/read_request.h"
#include "tsdb/db.h"

#define READS_MAX        10u /* at once; each may hold what it reads from */
#define SAMPLES_MAX      PROMQL_SAMPLES_MAX
#define ANSWER_BYTES_MAX (128u << 20) /* compressed */
#define PIECE_BYTES      (256u << 10)

struct read_state {
    struct str body;
    struct read_request request;
    struct label *external;
    size_t external_n;
    struct label *labels; /* of the series being written, the external ones among them */
    size_t labels_n, labels_cap;
    uint64_t samples;

    /* Between the pieces of a stream of chunks: where it stands, and what it holds. */
    size_t query, at;
    struct source_set *set;
    struct arena set_arena, reader_arena;
    struct source_reader *reader;
};

static struct source *source_of(const struct api_job *job)
{
    return db_source(job->api->c.db);
}

/* Our series carry no external labels: to ask for one by its value is to ask for none. */
static int hide_external(struct api_job *job, struct read_query *q, struct err *err)
{
    struct read_state *s = job->state;

    for (size_t i = 0; i < q->n; i++) {
        struct matcher *m = &q->matchers[i];

        for (size_t k = 0; m->op == MATCH_EQ && k < s->external_n; k++)
            if (str_eq(m->name, s->external[k].name) && str_eq(m->value, s->external[k].value)) {
                matcher_fini(m);
                if (matcher_init(m, &job->arena, MATCH_EQ, s->external[k].name, STR(""), err) < 0)
                    return -1;
            }
    }
    return 0;
}

static int decode(struct api_job *job, struct err *err)
{
    struct read_state *s = job->state;

    if (read_request_decode(s->body, &job->arena, &s->request, err) < 0)
        return -1;
    for (size_t i = 0; i < s->request.n; i++) {
        struct read_query *q = &s->request.queries[i];
        struct selector one = {q->matchers, q->n};
        struct selectors list = {&one, 1};

        if (hide_external(job, q, err) < 0 || selectors_narrow(&list, &job->arena, err) < 0)
            return -1;
        q->matchers = one.matchers;
        q->n = one.n;
    }
    return 0;
}

/* The set of the query at hand, and its reader; NULL when it asks for no time at all. */
static int open_set(struct api_job *job, struct err *err)
{
    struct read_state *s = job->state;
    const struct read_query *q = &s->request.queries[s->query];
    const struct source_hints hints = {.cancelled = &job->lane.cancelled,
                                       .deadline_ns = job->lane.deadline_ns};

    s->at = 0;
    if (q->mint > q->maxt)
        return 0;
    if (source_of(job)->select(source_of(job), &s->set_arena, q->matchers, q->n, q->mint, q->maxt,
                               &hints, &s->set, err) < 0)
        return -1;
    return source_of(job)->reader_open(source_of(job), s->set, &s->reader_arena, &s->reader, err);
}

static void close_set(struct api_job *job)
{
    struct read_state *s = job->state;

    source_of(job)->reader_close(s->reader);
    source_of(job)->set_free(source_of(job), s->set);
    arena_reset(&s->reader_arena);
    arena_reset(&s->set_arena);
    s->reader = NULL;
    s->set = NULL;
}

static void release(struct api_job *job)
{
    struct read_state *s = job->state;

    close_set(job);
    read_request_fini(&s->request);
    job->ended = true;
}

/* The next series of the set; s->labels are its. 1: there was one, 0: no more. */
static int next_series(struct api_job *job, struct source_series *series, struct err *err)
{
    struct read_state *s = job->state;

    while (s->set && s->at < s->set->n) {
        const struct labels *ls = s->set->labels[s->at];
        void *room = s->labels;

        if (selectors_may_go_on(job, err) < 0 ||
            source_of(job)->read(s->reader, s->at++, series, err) < 0)
            return -1;
        if (!series->runs_n)
            continue;
        if (arena_grow(&job->arena, &room, &s->labels_cap, ls->n + s->external_n, sizeof *s->labels,
                       err) < 0)
            return -1;
        s->labels = room;
        s->labels_n = read_answer_labels(ls, s->external, s->external_n, s->labels);
        return 1;
    }
    return 0;
}

/* ---- samples ---- */

static int read_samples(struct api_job *job, struct read_samples *out, struct err *err)
{
    struct read_state *s = job->state;

    for (s->query = 0; s->query < s->request.n; s->query++) {
        struct source_series series;
        int got = open_set(job, err);

        while (got == 0 && (got = next_series(job, &series, err)) > 0) {
            read_samples_add(out, s->labels, s->labels_n, &series);
            if (out->samples > SAMPLES_MAX)
                return err_set(err, ERR_SYNTAX, "exceeded sample limit (%u)", SAMPLES_MAX);
            got = 0;
        }
        if (got < 0)
            return -1;
        close_set(job);
        read_samples_end_query(out);
    }
    s->samples = out->samples;
    if (read_samples_end(out, &job->out) < 0)
        return err_set(err, ERR_SYNTAX,
                       "the answer has more than %u MB: ask for less, or for STREAMED_XOR_CHUNKS",
                       ANSWER_BYTES_MAX >> 20);
    return 0;
}

static int work_samples(struct api_job *job, struct err *err)
{
    struct read_samples out;
    int status;

    read_samples_init(&out, ANSWER_BYTES_MAX);
    status = read_samples(job, &out, err);
    read_samples_fini(&out);
    release(job);
    return status;
}

/* ---- chunks ---- */

static int add_chunks(struct api_job *job, struct err *err)
{
    struct read_state *s = job->state;

    while (s->query < s->request.n && job->out.n < PIECE_BYTES) {
        struct source_series series;
        int got = s->set ? 0 : open_set(job, err);

        if (got == 0)
            got = next_series(job, &series, err);
        if (got < 0)
            return -1;
        if (got > 0) {
            s->samples += read_chunks_add(&job->out, s->query, s->labels, s->labels_n, &series);
            continue;
        }
        close_set(job);
        s->query++;
    }
    return 0;
}

static int more_chunks(struct api_job *job, struct err *err)
{
    struct read_state *s = job->state;
    int status = job->release ? 0 : add_chunks(job, err);

    if (job->release || status < 0 || s->query == s->request.n)
        release(job);
    return status;
}

/* ---- the job ---- */

static int work(struct api_job *job, struct err *err)
{
    struct read_state *s = job->state;

    if (decode(job, err) < 0) {
        if (err->kind == ERR_LIMIT)
            err->kind = ERR_SYNTAX; /* a request too large is a bad one */
        release(job);
        return -1;
    }
    if (!s->request.chunks) {
        job->content_type = "application/x-protobuf";
        job->content_encoding = "snappy";
        return work_samples(job, err);
    }
    job->content_type = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    job->more = more_chunks;
    return more_chunks(job, err);
}

static void over(struct api_job *job)
{
    struct read_state *s = job->state;

    job->api->reads--;
    job->api->stats.remote_read_samples += s->samples;
    arena_fini(&s->reader_arena);
    arena_fini(&s->set_arena);
}

static void handle(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct read_state *s;
    struct api_job *job;
    struct err err;

    if (api->reads == READS_MAX) {
        http_reply_header(r, "Retry-After", "1");
        http_reply_error(r, 503, "10 remote reads are under way already");
        return;
    }
    job = api_job_new(api, r, sizeof *s, work);
    if (!job)
        return;
    s = job->state;
    job->plain_errors = true;
    job->over = over;
    s->body = r->body;
    arena_init(&s->set_arena, &job->budget);
    arena_init(&s->reader_arena, &job->budget);
    if (api_external_labels(api, &job->arena, 0, &s->external, &s->external_n, &err) < 0) {
        http_reply_error(r, 503, err.text);
        api_job_drop(job);
        return;
    }
    api->reads++;
    api->stats.remote_reads++;
    api_job_start(job, LANE_QUERY);
}

void api_read_routes(struct api *api)
{
    const struct http_route route = {.path = "/api/v1/read",
                                     .methods = HTTP_POST,
                                     .body_max = READ_REQUEST_BYTES_MAX,
                                     .handler = handle,
                                     .arg = api};

    http_server_route(api->server, &route);
}
