#include "logstore/batch.h"

#include <string.h>

#include "base/mem.h"

/* 2248-09-26: an identifier has 43 bits for the time. */
#define TIME_MAX ((INT64_C(1) << 43) - 1)

struct entry {
    int64_t time_ms;
    size_t at;
};

struct logstore_batch {
    struct logstore_batch *next;
    char *source; /* owned */
    struct buf bytes;
    struct entry *entries; /* owned; [n] */
    size_t n, cap;
    struct buf mark;
    uint64_t serial;
    bool has_mark;
};

struct logstore_batch *logstore_batch_new(const char *source)
{
    struct logstore_batch *b = mem_new(struct logstore_batch);

    b->source = mem_strdup(source);
    return b;
}

void logstore_batch_free(struct logstore_batch *b)
{
    if (!b)
        return;
    buf_fini(&b->bytes);
    buf_fini(&b->mark);
    mem_free(b->entries);
    mem_free(b->source);
    mem_free(b);
}

/* level, event, message, bytes of the fields, then each: name, plain, value */
void logstore_batch_add(struct logstore_batch *b, const struct logstore_line *line)
{
    int64_t time = line->time_ms < 0 ? 0 : line->time_ms > TIME_MAX ? TIME_MAX : line->time_ms;
    size_t length_at, start;

    b->entries = mem_grow(b->entries, &b->cap, b->n + 1, sizeof *b->entries);
    b->entries[b->n++] = (struct entry){time, b->bytes.n};
    put_u8(&b->bytes, line->level);
    put_vstr(&b->bytes, line->event);
    put_vstr(&b->bytes, line->message);
    length_at = b->bytes.n;
    put_u32(&b->bytes, 0);
    start = b->bytes.n;
    for (size_t i = 0; i < line->fields_n; i++) {
        put_vstr(&b->bytes, line->fields[i].name);
        put_u8(&b->bytes, line->fields[i].plain);
        put_vstr(&b->bytes, line->fields[i].value);
    }
    put_u32_at(&b->bytes, length_at, (uint32_t)(b->bytes.n - start));
}

void logstore_batch_mark(struct logstore_batch *b, uint64_t serial, struct str state)
{
    buf_reset(&b->mark);
    buf_add(&b->mark, state);
    b->serial = serial;
    b->has_mark = true;
}

size_t logstore_batch_lines(const struct logstore_batch *b)
{
    return b->n;
}

size_t logstore_batch_bytes(const struct logstore_batch *b)
{
    return b->bytes.cap + b->mark.cap + b->cap * sizeof *b->entries;
}

const char *batch_source(const struct logstore_batch *b)
{
    return b->source;
}

int64_t batch_time(const struct logstore_batch *b, size_t i)
{
    return b->entries[i].time_ms;
}

void batch_line(const struct logstore_batch *b, size_t i, struct packed_line *out)
{
    struct cursor c = cursor_of(b->bytes.p, b->bytes.n);

    cursor_skip(&c, b->entries[i].at);
    out->time_ms = b->entries[i].time_ms;
    out->level = cursor_u8(&c);
    out->event = cursor_vstr(&c);
    out->message = cursor_vstr(&c);
    out->fields = cursor_bytes(&c, cursor_u32(&c));
}

bool batch_mark(const struct logstore_batch *b, uint64_t *serial, struct str *state)
{
    *serial = b->serial;
    *state = buf_str(&b->mark);
    return b->has_mark;
}

struct logstore_batch **batch_next(struct logstore_batch *b)
{
    return &b->next;
}

bool packed_field_next(struct cursor *c, struct logstore_field *out)
{
    if (cursor_left(c) == 0)
        return false;
    out->name = cursor_vstr(c);
    out->plain = cursor_u8(c) == 1;
    out->value = cursor_vstr(c);
    return !c->failed;
}
