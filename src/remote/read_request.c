#include "remote/read_request.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/matcher.h"
#include "text/snappy_block.h"
#include "text/wire.h"

/* Field numbers of the messages, and the values of their enums. */
enum { REQUEST_QUERIES = 1, REQUEST_TYPES = 2 };
enum { QUERY_START = 1, QUERY_END = 2, QUERY_MATCHERS = 3 };
enum { MATCHER_TYPE = 1, MATCHER_NAME = 2, MATCHER_VALUE = 3 };
enum { TYPE_SAMPLES = 0, TYPE_CHUNKS = 1 };

struct decoder {
    struct arena *arena;
    struct read_request *request;
    size_t queries_cap;
    bool asked, agreed; /* types were named; one of them is ours */
};

static int broken(struct err *err, const char *what)
{
    return err_set(err, ERR_SYNTAX, "the body is no prometheus.ReadRequest: %s cannot be read",
                   what);
}

static ts_ms clamp(uint64_t field)
{
    int64_t t = (int64_t)field;

    return t > TS_MS_MAX ? TS_MS_MAX : t < -TS_MS_MAX ? -TS_MS_MAX : t;
}

static int decode_matcher(struct decoder *d, struct str bytes, struct matcher *out, struct err *err)
{
    static const enum match_op ops[] = {MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE};
    struct wire w = wire_of(bytes);
    struct wire_field f = {0};
    struct str name = {"", 0}, value = {"", 0};
    uint64_t type = 0;

    while (wire_next(&w, &f)) {
        if (wire_is(&f, MATCHER_TYPE, WIRE_VARINT))
            type = f.value;
        else if (wire_is(&f, MATCHER_NAME, WIRE_BYTES))
            name = f.bytes;
        else if (wire_is(&f, MATCHER_VALUE, WIRE_BYTES))
            value = f.bytes;
    }
    if (w.broken)
        return broken(err, "a matcher");
    if (type >= ARRAY_LEN(ops))
        return err_set(err, ERR_SYNTAX, "invalid matcher type %llu", (unsigned long long)type);
    if (!name.n || !str_is_utf8(name) || !str_is_utf8(value))
        return err_set(err, ERR_SYNTAX, "a matcher has no name, or is not in UTF-8");
    return matcher_init(out, d->arena, ops[type], name, value, err);
}

static int decode_query(struct decoder *d, struct str bytes, struct read_query *q, struct err *err)
{
    struct wire w = wire_of(bytes);
    struct wire_field f = {0};
    size_t cap = 0;
    void *matchers = NULL;

    while (wire_next(&w, &f)) {
        if (wire_is(&f, QUERY_START, WIRE_VARINT)) {
            q->mint = clamp(f.value);
        } else if (wire_is(&f, QUERY_END, WIRE_VARINT)) {
            q->maxt = clamp(f.value);
        } else if (wire_is(&f, QUERY_MATCHERS, WIRE_BYTES)) {
            if (q->n == READ_REQUEST_MATCHERS_MAX)
                return err_set(err, ERR_LIMIT, "a query has more than %u matchers",
                               READ_REQUEST_MATCHERS_MAX);
            if (arena_grow(d->arena, &matchers, &cap, q->n + 1, sizeof *q->matchers, err) < 0)
                return -1;
            q->matchers = matchers;
            if (decode_matcher(d, f.bytes, &q->matchers[q->n], err) < 0)
                return -1;
            q->n++;
        }
    }
    return w.broken ? broken(err, "a query") : 0;
}

static int add_query(struct decoder *d, struct str bytes, struct err *err)
{
    struct read_request *r = d->request;
    void *queries = r->queries;

    if (r->n == READ_REQUEST_QUERIES_MAX)
        return err_set(err, ERR_LIMIT, "there are more than %u queries", READ_REQUEST_QUERIES_MAX);
    if (arena_grow(d->arena, &queries, &d->queries_cap, r->n + 1, sizeof *r->queries, err) < 0)
        return -1;
    r->queries = queries;
    r->queries[r->n] = (struct read_query){0};
    return decode_query(d, bytes, &r->queries[r->n++], err);
}

static void note_type(struct decoder *d, uint64_t type)
{
    d->asked = true;
    if (d->agreed || (type != TYPE_SAMPLES && type != TYPE_CHUNKS))
        return;
    d->agreed = true;
    d->request->chunks = type == TYPE_CHUNKS;
}

static int decode(struct decoder *d, struct str message, struct err *err)
{
    struct wire w = wire_of(message);
    struct wire_field f = {0};

    while (wire_next(&w, &f)) {
        if (wire_is(&f, REQUEST_QUERIES, WIRE_BYTES)) {
            if (add_query(d, f.bytes, err) < 0)
                return -1;
        } else if (wire_is(&f, REQUEST_TYPES, WIRE_VARINT)) {
            note_type(d, f.value);
        } else if (wire_is(&f, REQUEST_TYPES, WIRE_BYTES)) { /* packed */
            struct wire types = wire_of(f.bytes);

            while (types.p < types.end && !types.broken)
                note_type(d, wire_varint(&types));
            w.broken |= types.broken;
        }
    }
    if (w.broken)
        return broken(err, "a field");
    if (d->asked && !d->agreed)
        return err_set(
            err, ERR_SYNTAX,
            "server does not support any of the requested response types; it has SAMPLES "
            "and STREAMED_XOR_CHUNKS");
    return 0;
}

int read_request_decode(struct str body, struct arena *a, struct read_request *out, struct err *err)
{
    struct decoder d = {.arena = a, .request = out};
    struct str message;
    size_t size;

    *out = (struct read_request){0};
    if (snappy_block_size(body, READ_REQUEST_BYTES_MAX, "ask for fewer series at once", &size,
                          err) < 0 ||
        snappy_block_read(body, size, a, &message, err) < 0)
        return -1;
    return decode(&d, message, err);
}

void read_request_fini(struct read_request *r)
{
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < r->queries[i].n; j++)
            matcher_fini(&r->queries[i].matchers[j]);
    r->n = 0;
}
