#include "remote/read_answer.h"

#include "base/cursor.h"
#include "base/hash.h"
#include "remote/xor_chunk.h"

#define SAMPLES_A_PIECE 512u /* made into text at a time */

/* Field numbers and wire types of the messages. */
#define FIELD_BYTES(number)   ((number) << 3 | 2)
#define FIELD_VARINT(number)  ((number) << 3)
#define FIELD_FIXED64(number) ((number) << 3 | 1)
enum { RESPONSE_RESULTS = 1, RESULT_SERIES = 1, SERIES_LABELS = 1, SERIES_SAMPLES = 2 };
enum { LABEL_FIELD_NAME = 1, LABEL_FIELD_VALUE = 2, SAMPLE_VALUE = 1, SAMPLE_TIME = 2 };
enum { CHUNKED_SERIES = 1, CHUNKED_QUERY = 2, CHUNKED_LABELS = 1, CHUNKED_CHUNKS = 2 };
enum { CHUNK_MIN = 1, CHUNK_MAX = 2, CHUNK_TYPE = 3, CHUNK_DATA = 4, CHUNK_TYPE_XOR = 1 };

size_t read_answer_labels(const struct labels *ls, const struct label external[], size_t external_n,
                          struct label out[])
{
    size_t n = 0;

    for (size_t i = 0, j = 0; i < ls->n || j < external_n;) {
        struct label own = i < ls->n ? labels_at(ls, i) : (struct label){{NULL, 0}, {NULL, 0}};
        int c = i == ls->n ? 1 : j == external_n ? -1 : str_cmp(own.name, external[j].name);

        out[n++] = c <= 0 ? own : external[j];
        i += c <= 0;
        j += c >= 0;
    }
    return n;
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;

    while (v >>= 7)
        n++;
    return n;
}

static size_t bytes_size(size_t n)
{
    return 1 + varint_size(n) + n;
}

/* The same field number stands for labels in both kinds of series. */
_Static_assert((int)SERIES_LABELS == (int)CHUNKED_LABELS, "put_labels serves both");

static void put_labels(struct buf *out, const struct label labels[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_u8(out, FIELD_BYTES(SERIES_LABELS));
        put_uvarint(out, bytes_size(labels[i].name.n) + bytes_size(labels[i].value.n));
        put_u8(out, FIELD_BYTES(LABEL_FIELD_NAME));
        put_vstr(out, labels[i].name);
        put_u8(out, FIELD_BYTES(LABEL_FIELD_VALUE));
        put_vstr(out, labels[i].value);
    }
}

/* ---- samples ---- */

void read_samples_init(struct read_samples *s, size_t bytes_max)
{
    *s = (struct read_samples){.samples = 0};
    snappy_writer_init(&s->writer, bytes_max);
    buf_init(&s->out, bytes_max);
}

void read_samples_fini(struct read_samples *s)
{
    snappy_writer_fini(&s->writer);
    buf_fini(&s->text);
    buf_fini(&s->out);
}

static size_t sample_size(ts_ms t)
{
    return 1 + 8 + 1 + varint_size((uint64_t)t);
}

static void put_sample(struct buf *out, ts_ms t, double v)
{
    put_u8(out, FIELD_BYTES(SERIES_SAMPLES));
    put_u8(out, (uint8_t)sample_size(t));
    put_u8(out, FIELD_FIXED64(SAMPLE_VALUE));
    put_f64(out, v);
    put_u8(out, FIELD_VARINT(SAMPLE_TIME));
    put_uvarint(out, (uint64_t)t);
}

/* The length stands before the samples, so they are counted first; then they go out in pieces. */
void read_samples_add(struct read_samples *s, const struct label labels[], size_t n,
                      const struct source_series *series)
{
    SCOPED(buf_fini) struct buf head = {0};
    uint64_t size = 0;

    buf_reset(&s->text);
    put_labels(&s->text, labels, n);
    for (size_t i = 0; i < series->runs_n; i++)
        for (size_t k = 0; k < series->runs[i].n; k++)
            size += 2 + sample_size(series->runs[i].ts[k]);
    put_u8(&head, FIELD_BYTES(RESULT_SERIES));
    put_uvarint(&head, s->text.n + size);
    snappy_writer_add(&s->writer, buf_str(&head));
    snappy_writer_add(&s->writer, buf_str(&s->text));
    for (size_t i = 0; i < series->runs_n; i++) {
        const struct source_run *run = &series->runs[i];

        for (size_t k = 0; k < run->n;) {
            size_t end = run->n - k > SAMPLES_A_PIECE ? k + SAMPLES_A_PIECE : run->n;

            buf_reset(&s->text);
            for (; k < end; k++)
                put_sample(&s->text, run->ts[k], run->values[k]);
            snappy_writer_add(&s->writer, buf_str(&s->text));
        }
        s->samples += run->n;
    }
}

void read_samples_end_query(struct read_samples *s)
{
    struct snappy_writer *w = &s->writer;
    SCOPED(buf_fini) struct buf head = {0};

    snappy_writer_flush(w);
    put_u8(&head, FIELD_BYTES(RESPONSE_RESULTS));
    put_uvarint(&head, w->raw_bytes);
    snappy_put_literal(&s->out, buf_str(&head));
    buf_add(&s->out, buf_str(&w->out));
    s->out.overflowed |= w->out.overflowed;
    s->raw_bytes += head.n + w->raw_bytes;
    w->raw_bytes = 0;
    buf_reset(&w->out);
}

int read_samples_end(struct read_samples *s, struct buf *body)
{
    put_uvarint(body, s->raw_bytes);
    buf_add(body, buf_str(&s->out));
    return s->out.overflowed || body->overflowed || s->raw_bytes > UINT32_MAX ? -1 : 0;
}

/* ---- chunks ---- */

struct frame {
    struct buf *out;
    uint64_t query;
    const struct label *labels;
    size_t labels_n;
    struct buf chunks, series, message;
    ts_ms ts[XOR_CHUNK_SAMPLES];
    double values[XOR_CHUNK_SAMPLES];
    size_t n;
};

static void end_chunk(struct frame *f)
{
    SCOPED(buf_fini) struct buf data = {0}, chunk = {0};

    if (!f->n)
        return;
    xor_chunk_write(&data, f->ts, f->values, f->n);
    put_u8(&chunk, FIELD_VARINT(CHUNK_MIN));
    put_uvarint(&chunk, (uint64_t)f->ts[0]);
    put_u8(&chunk, FIELD_VARINT(CHUNK_MAX));
    put_uvarint(&chunk, (uint64_t)f->ts[f->n - 1]);
    put_u8(&chunk, FIELD_VARINT(CHUNK_TYPE));
    put_u8(&chunk, CHUNK_TYPE_XOR);
    put_u8(&chunk, FIELD_BYTES(CHUNK_DATA));
    put_vstr(&chunk, buf_str(&data));
    put_u8(&f->chunks, FIELD_BYTES(CHUNKED_CHUNKS));
    put_vstr(&f->chunks, buf_str(&chunk));
    f->n = 0;
}

static void end_frame(struct frame *f)
{
    uint32_t crc;

    if (!f->chunks.n)
        return;
    buf_reset(&f->series);
    buf_reset(&f->message);
    put_labels(&f->series, f->labels, f->labels_n);
    buf_add(&f->series, buf_str(&f->chunks));
    put_u8(&f->message, FIELD_BYTES(CHUNKED_SERIES));
    put_vstr(&f->message, buf_str(&f->series));
    put_u8(&f->message, FIELD_VARINT(CHUNKED_QUERY));
    put_uvarint(&f->message, f->query);
    crc = crc32c(0, f->message.p, f->message.n);
    put_uvarint(f->out, f->message.n);
    for (int shift = 24; shift >= 0; shift -= 8)
        put_u8(f->out, (uint8_t)(crc >> shift));
    buf_add(f->out, buf_str(&f->message));
    buf_reset(&f->chunks);
}

uint64_t read_chunks_add(struct buf *out, uint64_t query, const struct label labels[], size_t n,
                         const struct source_series *series)
{
    struct frame f = {.out = out, .query = query, .labels = labels, .labels_n = n};
    uint64_t samples = 0;

    for (size_t i = 0; i < series->runs_n; i++) {
        const struct source_run *run = &series->runs[i];

        for (size_t k = 0; k < run->n; k++) {
            f.ts[f.n] = run->ts[k];
            f.values[f.n++] = run->values[k];
            if (f.n == XOR_CHUNK_SAMPLES)
                end_chunk(&f);
            if (f.chunks.n >= READ_FRAME_BYTES)
                end_frame(&f);
        }
        samples += run->n;
    }
    end_chunk(&f);
    end_frame(&f);
    buf_fini(&f.chunks);
    buf_fini(&f.series);
    buf_fini(&f.message);
    return samples;
}
