/* The lines that a target knows (known.h) against the plain parser: two targets get the same
 * cycles, one of them steps over nothing, and the store must hear the same from both.
 *
 * The input is a program. Its first byte chooses format and settings; then, if bit 3 says so, the
 * rest are bodies, apart by 0x01, else operations on a list of pieces of text that is written out
 * as a body whenever one of them says so. So small changes of the input are small changes of what a
 * target says: a line more, less or elsewhere, another value, another type.
 */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/scrape_settings.h"
#include "collect/scripted_sink.h"
#include "collect/target.h"
#include "model/expo.h"
#include "model/labels.h"

#define PIECES_MAX 24u
#define CYCLES_MAX 24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- two targets ---- */

struct side {
    struct scripted_sink sink;
    struct budget budget; /* never used up: what is charged must come back */
    struct target target;
    bool ok;
};

struct fixture {
    struct arena arena;
    const struct labels *labels;
    struct relabel_rule rules[2];
    struct scrape_job job;
    enum expo_format format;
    struct side known, plain;
    ts_ms ts;
};

static void nothing(struct sink_batch *batch)
{
    (void)batch;
}

/* The plain target says where lines begin, and steps over none. */
static size_t skip_nothing(struct emit *e, struct str text, enum metric_type *type,
                           struct str *metadata)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);

    (void)metadata;
    (void)known_starts(&t->known, text.p, *type);
    return 0;
}

/* A label goes, so that series become one; one value of it drops a series; a limit on samples. */
static void make_job(struct fixture *f, uint8_t settings)
{
    static const struct str source = {"x", 1};
    static const struct relabel_given given[] = {
        {.action = RELABEL_DROP,
         .has_source = true,
         .source = &source,
         .source_n = 1,
         .regex = {"2", 1}},
        {.action = RELABEL_LABELDROP, .regex = {"x|le", 4}},
    };
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        const char *key;
        int rc = 0;

        if (settings >> (6 + i) & 1)
            rc = relabel_init(&f->rules[n++], &given[i], &key, NULL);
        assert(rc == 0);
    }
    f->job.metric_relabel = (struct relabel_rules){f->rules, n};
    f->job.limits.samples = settings & 32 ? 7 : 0;
}

static void open_side(struct fixture *f, struct side *s, uint8_t settings)
{
    scripted_sink_init(&s->sink);
    if (settings & 16)
        s->sink.series_max = 9;
    budget_init(&s->budget, "fuzz", SIZE_MAX / 2, NULL);
    target_init(&s->target, &(struct target_settings_core){.sink = &s->sink.sink,
                                                           .labels = f->labels,
                                                           .sample_labels = f->labels,
                                                           .honor_labels = settings & 2,
                                                           .honor_timestamps = settings & 4,
                                                           .job = &f->job,
                                                           .budget = &s->budget});
    s->target.batch.done = nothing;
}

static void close_side(struct side *s)
{
    target_fini(&s->target);
    assert(atomic_load(&s->budget.used_bytes) == 0);
    scripted_sink_fini(&s->sink);
}

static void run_side(struct fixture *f, struct side *s, struct str body, bool fails)
{
    char *text = mem_dup(body.n ? body.p : "", body.n ? body.n : 1);
    enum target_next next;
    struct arena scratch;

    arena_init(&scratch, NULL);
    do {
        do {
            struct err err = {.kind = ERR_NONE};

            target_begin(&s->target, f->ts);
            s->ok = expo_parse((struct str){text, body.n}, f->format, &scratch, &s->target.emit,
                               &err) == 0 &&
                    !fails;
            next = target_finish(&s->target, &s->ok, .25, &err);
        } while (next == TARGET_AGAIN);
        assert(next == TARGET_COMMIT);
        s->sink.sink.commit(&s->sink.sink, &s->target.batch);
    } while (target_committed(&s->target));
    arena_fini(&scratch);
    target_keep(&s->target, text, body.n);
    assert(known_check(&s->target.known));
}

static void compare_changed(const struct sink_batch *a, const struct sink_batch *b)
{
    assert(!a->changed == !b->changed && a->slots == b->slots);
    for (uint32_t i = 0; a->changed && i < a->slots; i++)
        assert(!((a->changed[i / 64] ^ b->changed[i / 64]) >> i % 64 & 1));
}

static void cycle(struct fixture *f, struct str body, bool fails)
{
    const struct target *a = &f->known.target, *b = &f->plain.target;

    f->ts += 1000;
    run_side(f, &f->known, body, fails);
    run_side(f, &f->plain, body, fails);
    assert(f->known.ok == f->plain.ok);
    assert(str_eq(str_c(scripted_sink_take(&f->known.sink)),
                  str_c(scripted_sink_take(&f->plain.sink))));
    assert(f->known.sink.resolves == f->plain.sink.resolves);
    assert(f->known.sink.resolved == f->plain.sink.resolved);
    assert(a->counts.scraped == b->counts.scraped && a->counts.added == b->counts.added);
    assert(a->counts.dropped == b->counts.dropped);
    assert(a->counts.duplicates == b->counts.duplicates);
    assert(a->counts.limited == b->counts.limited);
    assert(a->batch.exemplars_n == b->batch.exemplars_n);
    compare_changed(&a->batch, &b->batch);
}

/* ---- operations ---- */

static const char *const pieces[] = {
    "a 1\n",
    "a 2\n",
    "a 1.0\n",
    "a{x=\"1\"} 1\n",
    "a{x=\"1\",} 3\n",
    "{\"a\",x=\"1\"} 4\n",
    "a{x=\"2\"} -0.5\n",
    "a{x=\"2\"} 1e3\n",
    "a{x=\"2\"} NaN\n",
    "a{job=\"j\"} 5\n",
    "b_bucket{le=\"1\"} 1\n",
    "b_bucket{le=\"1.0\"} 2\n",
    "b_bucket{le=\"+Inf\"} 3\n",
    "b_bucket{le=\"1\"} 1 # {t=\"x\"} .5\n",
    "b_count 7\n",
    "c 1 1000\n",
    "c 1 2000\n",
    "c 1\n",
    "c  1\n",
    "c 1 \n",
    "c 1\r\n",
    "c\t1\n",
    "d_total 1\n",
    "d_total 123456789012345678901234567890\n",
    "\n",
    "# a comment\n",
    "# HELP a help\n",
    "# HELP a other\n",
    "# TYPE a gauge\n",
    "# TYPE a counter\n",
    "# HELP b help\n",
    "# TYPE b histogram\n",
    "# TYPE b counter\n",
    "# TYPE d counter\n",
    "# UNIT d total\n",
    "# HELP d a \\\" \\\\ \\n b\n",
    "# EOF\n",
    "a{x=\"line\nline\"} 1\n",
    "a{x=\"1\" 1\n",
    "e 1", /* the next piece makes its number longer, or breaks it */
    "2\n",
};

struct program {
    const uint8_t *p, *end;
    const char *pieces[PIECES_MAX];
    size_t n;
    bool eof; /* OpenMetrics' last line */
};

static uint8_t next(struct program *g)
{
    return g->p < g->end ? *g->p++ : 0;
}

static void insert(struct program *g, size_t at, const char *piece)
{
    if (g->n == PIECES_MAX)
        return;
    memmove(g->pieces + at + 1, g->pieces + at, (g->n - at) * sizeof *g->pieces);
    g->pieces[at] = piece;
    g->n++;
}

static const char *take_out(struct program *g, size_t at)
{
    const char *piece = g->pieces[at];

    g->n--;
    memmove(g->pieces + at, g->pieces + at + 1, (g->n - at) * sizeof *g->pieces);
    return piece;
}

static void emit_body(struct fixture *f, const struct program *g, bool fails, bool cut_off)
{
    struct buf body;

    buf_init(&body, 0);
    for (size_t i = 0; i < g->n; i++)
        buf_adds(&body, g->pieces[i]);
    if (f->format == EXPO_OPENMETRICS && g->eof)
        buf_adds(&body, "# EOF\n");
    if (cut_off && body.n)
        body.n--;
    cycle(f, buf_str(&body), fails);
    buf_fini(&body);
}

static void answer_with(struct side *s, enum sink_verdict verdict)
{
    s->sink.verdicts[0] = verdict;
    s->sink.verdicts_n = 1;
}

static void operate(struct fixture *f, struct program *g)
{
    unsigned cycles = 0;

    g->eof = true;
    while (g->p < g->end && cycles < CYCLES_MAX) {
        uint8_t op = next(g);
        size_t at = g->n ? next(g) % g->n : 0;

        switch (op % 16) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
            insert(g, at, pieces[next(g) % ARRAY_LEN(pieces)]);
            break;
        case 5:
            insert(g, g->n, pieces[next(g) % ARRAY_LEN(pieces)]);
            break;
        case 6:
            if (g->n)
                (void)take_out(g, at);
            break;
        case 7:
            if (g->n)
                g->pieces[at] = pieces[next(g) % ARRAY_LEN(pieces)];
            break;
        case 8:
            if (g->n) {
                const char *piece = take_out(g, at);

                insert(g, next(g) % (g->n + 1), piece);
            }
            break;
        case 9:
            if (g->n)
                insert(g, next(g) % g->n, g->pieces[at]);
            break;
        case 10:
            answer_with(&f->known, SINK_REFUSED + (op >> 4) % 2);
            answer_with(&f->plain, SINK_REFUSED + (op >> 4) % 2);
            break;
        case 11:
            scripted_sink_cut(&f->known.sink);
            scripted_sink_cut(&f->plain.sink);
            break;
        default:
            emit_body(f, g, op % 16 == 12 && op >> 4 == 3, op % 16 == 13);
            cycles++;
        }
    }
    emit_body(f, g, false, false);
    emit_body(f, g, false, false);
}

static void read_bodies(struct fixture *f, struct str all)
{
    for (unsigned i = 0; all.p && i < CYCLES_MAX; i++)
        cycle(f, str_split(&all, '\1'), false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct label job = {STR("job"), STR("j")};
    struct fixture *f;

    if (!size || size > 4096)
        return 0;
    f = mem_new(struct fixture);
    arena_init(&f->arena, NULL);
    if (labels_build(&f->arena, &job, 1, &f->labels, NULL) < 0)
        return 0;
    f->format = data[0] & 1 ? EXPO_OPENMETRICS : EXPO_TEXT;
    make_job(f, data[0]);
    open_side(f, &f->known, data[0]);
    open_side(f, &f->plain, data[0]);
    f->plain.target.emit.skip = skip_nothing;
    if (data[0] & 8)
        read_bodies(f, (struct str){(const char *)data + 1, size - 1});
    else
        operate(f, &(struct program){.p = data + 1, .end = data + size});
    close_side(&f->known);
    close_side(&f->plain);
    for (size_t i = 0; i < ARRAY_LEN(f->rules); i++)
        relabel_fini(&f->rules[i]);
    arena_fini(&f->arena);
    mem_free(f);
    return 0;
}
