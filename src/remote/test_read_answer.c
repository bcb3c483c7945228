#include "remote/read_answer.h"

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/test.h"
#include "remote/read_chunk.h"
#include "remote/xor_chunk.h"
#include "text/wire.h"

static const struct label labels[] = {{{"__name__", 8}, {"up", 2}}, {{"job", 3}, {"a", 1}}};

/* n samples in two runs, 15 s apart. */
struct samples {
    ts_ms ts[400];
    double values[400];
    struct source_run runs[2];
    struct source_series series;
};

static void samples_make(struct samples *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->ts[i] = (ts_ms)i * 15000;
        s->values[i] = (double)i * 1.5;
    }
    s->runs[0] = (struct source_run){.ts = s->ts, .values = s->values, .n = n / 3 + 1};
    s->runs[1] = (struct source_run){
        .ts = s->ts + n / 3 + 1, .values = s->values + n / 3 + 1, .n = n - n / 3 - 1};
    s->series = (struct source_series){s->runs, s->runs[1].n ? 2 : 1};
}

static struct str next_bytes(struct wire *w, uint32_t number)
{
    struct wire_field f = {0};

    assert_true(wire_next(w, &f));
    assert_int_equal(f.number, number);
    assert_int_equal(f.type, WIRE_BYTES);
    return f.bytes;
}

static void check_labels(struct wire *series)
{
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        struct wire label = wire_of(next_bytes(series, 1));

        assert_true(str_eq(next_bytes(&label, 1), labels[i].name));
        assert_true(str_eq(next_bytes(&label, 2), labels[i].value));
    }
}

static void external_labels_come_in_where_the_series_has_none(void **state)
{
    static const struct label external[] = {
        {{"a", 1}, {"x", 1}}, {{"job", 3}, {"other", 5}}, {{"site", 4}, {"lab", 3}}};
    SCOPED(arena_fini) struct arena a;
    struct label pairs[2], out[5];
    const struct labels *ls;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    memcpy(pairs, labels, sizeof pairs);
    assert_ok(labels_build(&a, pairs, 2, &ls, &err), err);
    assert_int_equal(read_answer_labels(ls, external, 3, out), 4);
    assert_true(str_eq(out[0].name, STR("__name__")));
    assert_true(str_eq(out[1].name, STR("a")));
    assert_true(str_eq(out[2].value, STR("a")));
    assert_true(str_eq(out[3].value, STR("lab")));
}

static void samples_are_one_message_with_a_result_a_query(void **state)
{
    SCOPED(buf_fini) struct buf body = {0};
    SCOPED(arena_fini) struct arena a;
    struct read_samples out;
    struct samples s;
    struct str message;
    struct wire response, result, series;
    struct err err;
    size_t size;

    (void)state;
    arena_init(&a, NULL);
    samples_make(&s, 400);
    read_samples_init(&out, 1u << 20);
    read_samples_end_query(&out); /* one that found nothing */
    for (size_t i = 0; i < 20; i++)
        read_samples_add(&out, labels, 2, &s.series);
    read_samples_end_query(&out);
    assert_int_equal(out.samples, 20 * 400);
    assert_int_equal(read_samples_end(&out, &body), 0);
    read_samples_fini(&out);
    assert_ok(snappy_block_size(buf_str(&body), 1u << 20, "", &size, &err), err);
    assert_ok(snappy_block_read(buf_str(&body), size, &a, &message, &err), err);
    response = wire_of(message);
    assert_int_equal(next_bytes(&response, 1).n, 0);
    result = wire_of(next_bytes(&response, 1));
    for (size_t i = 0; i < 20; i++) {
        series = wire_of(next_bytes(&result, 1));
        check_labels(&series);
        for (size_t k = 0; k < 400; k++) {
            struct wire sample = wire_of(next_bytes(&series, 2));
            struct wire_field f = {0};
            double v;

            assert_true(wire_next(&sample, &f) && wire_is(&f, 1, WIRE_FIXED64));
            memcpy(&v, &f.value, sizeof v);
            assert_true(v == s.values[k]);
            assert_true(wire_next(&sample, &f) && wire_is(&f, 2, WIRE_VARINT));
            assert_int_equal(f.value, s.ts[k]);
        }
        assert_true(series.p == series.end);
    }
    assert_true(result.p == result.end && response.p == response.end);
}

static void an_answer_past_its_bound_is_none(void **state)
{
    SCOPED(buf_fini) struct buf body = {0};
    struct read_samples out;
    struct samples s;

    (void)state;
    samples_make(&s, 400);
    read_samples_init(&out, 500);
    read_samples_add(&out, labels, 2, &s.series);
    read_samples_end_query(&out);
    assert_int_equal(read_samples_end(&out, &body), -1);
    read_samples_fini(&out);
}

static void chunks_are_frames_with_a_checksum(void **state)
{
    SCOPED(buf_fini) struct buf out = {0};
    struct samples s;
    struct cursor c;
    struct str message;
    struct wire response, series;
    struct wire_field f = {0};
    uint32_t crc = 0;
    size_t at = 0;

    (void)state;
    samples_make(&s, 2 * XOR_CHUNK_SAMPLES + 1);
    assert_int_equal(read_chunks_add(&out, 7, labels, 2, &s.series), 2 * XOR_CHUNK_SAMPLES + 1);
    c = cursor_of(out.p, out.n);
    message.n = (size_t)cursor_uvarint(&c);
    for (int i = 0; i < 4; i++)
        crc = crc << 8 | cursor_u8(&c);
    message = cursor_bytes(&c, message.n);
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(crc, crc32c(0, message.p, message.n));
    response = wire_of(message);
    series = wire_of(next_bytes(&response, 1));
    assert_true(wire_next(&response, &f) && wire_is(&f, 2, WIRE_VARINT) && f.value == 7);
    check_labels(&series);
    while (series.p < series.end) {
        struct wire chunk = wire_of(next_bytes(&series, 2));
        uint64_t fields[5] = {0};
        int64_t ts[XOR_CHUNK_SAMPLES];
        double values[XOR_CHUNK_SAMPLES];
        struct str data = {NULL, 0};
        size_t n;

        while (wire_next(&chunk, &f))
            if (f.type == WIRE_VARINT && f.number < 5)
                fields[f.number] = f.value;
            else
                data = f.bytes;
        n = chunk_read(data, ts, values);
        assert_int_equal(fields[1], s.ts[at]);
        assert_int_equal(fields[2], s.ts[at + n - 1]);
        assert_int_equal(fields[3], 1);
        assert_memory_equal(ts, s.ts + at, n * sizeof *ts);
        assert_memory_equal(values, s.values + at, n * sizeof *values);
        at += n;
    }
    assert_int_equal(at, 2 * XOR_CHUNK_SAMPLES + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(external_labels_come_in_where_the_series_has_none),
        cmocka_unit_test(samples_are_one_message_with_a_result_a_query),
        cmocka_unit_test(an_answer_past_its_bound_is_none),
        cmocka_unit_test(chunks_are_frames_with_a_checksum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
