/* The first byte chooses the format. Of the rest,
 *
 *   what a parser emits is written, and that must read back as the same again;
 *   with a receiver that expects the series of a body before (all up to the first 0x01), the
 *   samples of the second are the same as those of the plain parser.
 */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/expo.h"
#include "model/sample.h"

#define SAMPLES_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct str body, enum expo_format format, struct emit *emit)
{
    struct budget budget;
    struct arena scratch;
    struct err err = {.kind = ERR_NONE};
    int rc;

    budget_init(&budget, "scratch", 1u << 20, NULL);
    arena_init(&scratch, &budget);
    rc = expo_parse(body, format, &scratch, emit, &err);
    if (rc < 0)
        assert(err.kind != ERR_NONE && err.text[0]);
    if (rc < 0 && err.kind == ERR_SYNTAX)
        assert(err.at.line && err.at.column && err.at.column <= body.n + 1);
    arena_fini(&scratch);
    return rc;
}

/* ---- written and read again ---- */

static int parse_into(struct str body, enum expo_format format, struct buf *out)
{
    struct expo_writer w;
    int rc;

    expo_writer_init(&w, format, out);
    rc = parse(body, format, &w.emit);
    expo_writer_end(&w);
    return rc;
}

static void round_trip(struct str body, enum expo_format format)
{
    struct buf once, twice, thrice;

    buf_init(&once, 0);
    buf_init(&twice, 0);
    buf_init(&thrice, 0);
    if (parse_into(body, format, &once) == 0) {
        /* A counter's name gains _total when written, so only the second pass is a fixed point. */
        assert(parse_into(buf_str(&once), format, &twice) == 0);
        assert(parse_into(buf_str(&twice), format, &thrice) == 0);
        assert(str_eq(buf_str(&twice), buf_str(&thrice)));
    }
    buf_fini(&once);
    buf_fini(&twice);
    buf_fini(&thrice);
}

/* ---- expected and plain ---- */

struct seen {
    struct str series; /* a view of the body */
    double value;
    bool has_ts, has_exemplar, expected;
    ts_ms ts;
    uint64_t labels; /* hash, of what was not expected */
};

struct listener {
    struct emit emit;
    struct seen samples[SAMPLES_MAX];
    size_t n;
    const struct listener *before; /* whose series and blocks are expected, in order */
    size_t next;
    struct str blocks[SAMPLES_MAX];
    enum metric_type types[SAMPLES_MAX];
    size_t blocks_n;
};

static int hear_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e, (void)family, (void)err;
    return 0;
}

static int hear_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct listener *l = CONTAINER_OF(e, struct listener, emit);

    uint64_t labels = 0;

    if (l->n == SAMPLES_MAX)
        return err_set(err, ERR_LIMIT, "enough");
    for (size_t i = 0; i < s->labels_n; i++)
        labels =
            hash_mix(hash_mix(labels, hash_str(s->labels[i].name)), hash_str(s->labels[i].value));
    l->samples[l->n++] = (struct seen){.series = s->series,
                                       .value = s->value,
                                       .has_ts = s->has_ts,
                                       .has_exemplar = s->has_exemplar,
                                       .expected = s->expected,
                                       .ts = s->ts,
                                       .labels = labels};
    return 0;
}

/* Whichever series of the body before the line begins with, the longest not favoured. */
static size_t expect(struct emit *e, struct str line)
{
    struct listener *l = CONTAINER_OF(e, struct listener, emit);

    for (size_t i = 0; i < l->before->n; i++) {
        struct str series = l->before->samples[(l->next + i) % l->before->n].series;

        if (str_starts(line, series)) {
            l->next++;
            return series.n;
        }
    }
    return 0;
}

/* The listener of the body before learns, the other one expects what it learnt. */
static bool expect_block(struct emit *e, struct str block, enum metric_type *type)
{
    struct listener *l = CONTAINER_OF(e, struct listener, emit);

    for (size_t i = 0; l->before && i < l->before->blocks_n; i++) {
        if (str_eq(l->before->blocks[i], block)) {
            *type = l->before->types[i];
            return true;
        }
    }
    return false;
}

static void learn_block(struct emit *e, struct str block, enum metric_type type)
{
    struct listener *l = CONTAINER_OF(e, struct listener, emit);

    if (l->blocks_n == SAMPLES_MAX)
        return;
    l->blocks[l->blocks_n] = block;
    l->types[l->blocks_n++] = type;
}

static void compare(const struct listener *a, const struct listener *b)
{
    assert(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct seen *x = &a->samples[i], *y = &b->samples[i];

        assert(str_eq(x->series, y->series) && value_bits(x->value) == value_bits(y->value));
        assert(y->expected || x->labels == y->labels);
        assert(x->has_ts == y->has_ts && x->ts == y->ts && x->has_exemplar == y->has_exemplar);
    }
}

static void expected(struct str first, struct str second, enum expo_format format)
{
    struct listener before = {.emit = {.family = hear_family,
                                       .sample = hear_sample,
                                       .expect_block = expect_block,
                                       .learn_block = learn_block}};
    struct listener plain = {.emit = {.family = hear_family, .sample = hear_sample}};
    struct listener faster = {.emit = {hear_family, hear_sample, expect, expect_block, learn_block},
                              .before = &before};

    (void)parse(first, format, &before.emit);
    assert(parse(second, format, &plain.emit) == parse(second, format, &faster.emit));
    compare(&plain, &faster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum expo_format format = size && data[0] & 1 ? EXPO_OPENMETRICS : EXPO_TEXT;
    struct str all = {(const char *)data + 1, size - 1}, second, first;

    if (!size)
        return 0;
    round_trip(all, format);
    second = all;
    first = str_split(&second, '\1');
    expected(first, second.p ? second : first, format);
    return 0;
}
