#include "tsdb/wal_record.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/labels.h"

#define LABELS_MAX 4096u /* of one set, in a record that we believe */

enum { LABEL_SAME, LABEL_SAME_NAME, LABEL_NEW }; /* LABEL_NEW + length of the name */

size_t wal_record_begin(struct buf *b)
{
    size_t start = b->n;

    memset(buf_reserve(b, WAL_HEADER_BYTES), 0, WAL_HEADER_BYTES);
    b->n += WAL_HEADER_BYTES;
    return start;
}

static void put_le(char *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(v >> (8 * i));
}

static uint64_t get_le(const unsigned char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

void wal_record_end(struct buf *b, size_t start, enum wal_type type, uint32_t group, uint64_t seq)
{
    size_t payload = b->n - start - WAL_HEADER_BYTES;
    char *p;

    assert(payload <= WAL_PAYLOAD_MAX);
    while (b->n % 8 != start % 8)
        put_u8(b, 0);
    p = b->p + start;
    put_le(p + 4, payload, 4);
    p[8] = (char)type;
    p[9] = WAL_VERSION;
    put_le(p + 10, 0, 2);
    put_le(p + 12, group, 4);
    put_le(p + 16, seq, 8);
    put_le(p, crc32c(0, p + 4, b->n - start - 4), 4);
}

bool wal_header_read(const void *p, size_t n, struct wal_header *out)
{
    const unsigned char *b = p;

    if (n < WAL_HEADER_BYTES)
        return false;
    out->crc = (uint32_t)get_le(b, 4);
    out->payload_bytes = (uint32_t)get_le(b + 4, 4);
    out->type = b[8];
    out->version = b[9];
    out->group = (uint32_t)get_le(b + 12, 4);
    out->seq = get_le(b + 16, 8);
    return out->type != WAL_INVALID && out->type < WAL_TYPES && out->version == WAL_VERSION &&
           get_le(b + 10, 2) == 0 && out->payload_bytes <= WAL_PAYLOAD_MAX;
}

bool wal_record_intact(const void *p, const struct wal_header *h)
{
    return crc32c(0, (const char *)p + 4, wal_record_bytes(h->payload_bytes) - 4) == h->crc;
}

void wal_put_labels(struct buf *b, const struct labels *ls, const struct labels *before)
{
    put_uvarint(b, ls->n);
    for (size_t i = 0; i < ls->n; i++) {
        struct label l = labels_at(ls, i);
        struct label old = before && i < before->n ? labels_at(before, i) : (struct label){0};
        bool same_name = before && i < before->n && str_eq(l.name, old.name);

        if (same_name && str_eq(l.value, old.value)) {
            put_uvarint(b, LABEL_SAME);
            continue;
        }
        if (same_name) {
            put_uvarint(b, LABEL_SAME_NAME);
        } else {
            put_uvarint(b, LABEL_NEW + l.name.n);
            buf_add(b, l.name);
        }
        put_vstr(b, l.value);
    }
}

int wal_get_labels(struct cursor *c, struct arena *a, const struct labels *before,
                   const struct labels **out, struct err *err)
{
    uint64_t n = cursor_uvarint(c);
    struct label *pairs;

    if (c->failed || n > LABELS_MAX || n > cursor_left(c))
        return err_set(err, ERR_CORRUPT, "a label set of %llu labels", (unsigned long long)n);
    pairs = arena_new_array(a, struct label, n, err);
    if (!pairs)
        return -1;
    for (size_t i = 0; i < n; i++) {
        uint64_t how = cursor_uvarint(c);

        if (how < LABEL_NEW) {
            if (!before || i >= before->n)
                return err_set(err, ERR_CORRUPT, "a label refers to a set that has none there");
            pairs[i] = labels_at(before, i);
        } else {
            pairs[i].name = cursor_bytes(c, how - LABEL_NEW);
        }
        if (how != LABEL_SAME)
            pairs[i].value = cursor_vstr(c);
        if (c->failed || !pairs[i].name.n || !pairs[i].value.n ||
            (i && str_cmp(pairs[i - 1].name, pairs[i].name) >= 0))
            return err_set(err, ERR_CORRUPT, "a label set is malformed");
    }
    return labels_build_sorted(a, pairs, n, out, err);
}
