/* build_request: remote write requests for tests, written field by field. */
#ifndef COLLECT_PUSH_BUILD_REQUEST_H
#define COLLECT_PUSH_BUILD_REQUEST_H

#include <snappy-c.h>

#include "base/cursor.h"
#include "base/str.h"

static inline void build_field(struct buf *out, unsigned number, struct str bytes)
{
    put_uvarint(out, number << 3 | 2);
    put_vstr(out, bytes);
}

static inline void build_label(struct buf *series, const char *name, struct str value)
{
    struct buf label = {0};

    build_field(&label, 1, str_c(name));
    build_field(&label, 2, value);
    build_field(series, 1, buf_str(&label));
    buf_fini(&label);
}

static inline void build_sample(struct buf *series, double value, int64_t ts)
{
    struct buf sample = {0};

    put_u8(&sample, 1 << 3 | 1);
    put_f64(&sample, value);
    put_u8(&sample, 2 << 3);
    put_uvarint(&sample, (uint64_t)ts);
    build_field(series, 2, buf_str(&sample));
    buf_fini(&sample);
}

/* {LABEL="TEXT"} VALUE @TS */
static inline void build_exemplar(struct buf *series, const char *label, struct str text,
                                  double value, int64_t ts)
{
    struct buf exemplar = {0};

    build_label(&exemplar, label, text);
    put_u8(&exemplar, 2 << 3 | 1);
    put_f64(&exemplar, value);
    put_u8(&exemplar, 3 << 3);
    put_uvarint(&exemplar, (uint64_t)ts);
    build_field(series, 3, buf_str(&exemplar));
    buf_fini(&exemplar);
}

/* NAME{i="I"} VALUE @TS */
static inline void build_series(struct buf *request, const char *name, const char *i, double value,
                                int64_t ts)
{
    struct buf series = {0};

    build_label(&series, "__name__", str_c(name));
    build_label(&series, "i", str_c(i));
    build_sample(&series, value, ts);
    build_field(request, 1, buf_str(&series));
    buf_fini(&series);
}

static inline void build_snappy(struct str message, struct buf *out)
{
    size_t n = snappy_max_compressed_length(message.n);

    buf_reset(out);
    if (snappy_compress(message.p, message.n, buf_reserve(out, n), &n) == SNAPPY_OK)
        out->n += n;
}

#endif
