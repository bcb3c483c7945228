#include "collect/push/rate.h"

#include "base/hash.h"
#include "base/mem.h"

struct bucket {
    char *address; /* owned */
    double tokens;
    int64_t at_ns; /* when they were counted */
};

static bool is_of(const void *item, const void *key)
{
    const struct bucket *b = item;

    return str_eq(str_c(b->address), *(const struct str *)key);
}

void rate_init(struct rate *r, double per_second, double burst)
{
    *r = (struct rate){.per_second = per_second, .burst = burst};
    map_init(&r->buckets);
}

static void free_bucket(struct bucket *b)
{
    mem_free(b->address);
    mem_free(b);
}

void rate_fini(struct rate *r)
{
    struct bucket *b;
    size_t at = 0;

    while ((b = map_next(&r->buckets, &at)))
        free_bucket(b);
    map_fini(&r->buckets);
}

static double tokens_at(const struct rate *r, const struct bucket *b, int64_t now_ns)
{
    double tokens = b->tokens + (double)(now_ns - b->at_ns) / 1e9 * r->per_second;

    return tokens < r->burst ? tokens : r->burst;
}

/* Full ones are as good as none. */
static void forget(struct rate *r, int64_t now_ns)
{
    struct bucket **full = mem_new_array(struct bucket *, r->buckets.n), *b;
    size_t at = 0, n = 0;

    while ((b = map_next(&r->buckets, &at)))
        if (tokens_at(r, b, now_ns) >= r->burst)
            full[n++] = b;
    for (size_t i = 0; i < n; i++) {
        struct str address = str_c(full[i]->address);

        free_bucket(map_remove(&r->buckets, hash_str(address), &address, is_of));
    }
    mem_free(full);
}

bool rate_take(struct rate *r, struct str address, int64_t now_ns)
{
    struct bucket *b = map_get(&r->buckets, hash_str(address), &address, is_of);

    if (!b) {
        if (r->buckets.n >= RATE_ADDRESSES_MAX)
            forget(r, now_ns);
        if (r->buckets.n >= RATE_ADDRESSES_MAX)
            return true;
        b = mem_new(struct bucket);
        b->address = mem_zalloc(address.n + 1);
        memcpy(b->address, address.p, address.n);
        b->tokens = r->burst;
        map_put(&r->buckets, hash_str(address), b);
    } else {
        b->tokens = tokens_at(r, b, now_ns);
    }
    b->at_ns = now_ns;
    if (b->tokens < 1)
        return false;
    b->tokens -= 1;
    return true;
}
