#include "collect/redis/first.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"
#include "text/number.h"

#define DAY_MS INT64_C(86400000)

/* What is kept of one key, all heap. */
struct queue {
    const struct redis_first *asked;
    char type[24], error[sizeof((struct err *)NULL)->text];
    double size;
    ts_ms at, not_before;
    struct first_entry *entries;
    size_t n;
};

struct firsts {
    struct redis_firsts *all;
    struct firsts *next;
    const struct entry_settings *entry;
    struct queue *queues;
    size_t n;
};

static const struct {
    struct str type;
    const char *size;
} kinds[] = {{STR("list"), "LLEN"}, {STR("zset"), "ZCARD"}, {STR("stream"), "XLEN"}};

/* ---- one entry ---- */

/* UTF-8 that is cut between characters; what is no text is told as its length. */
static void keep_value(struct first_entry *e, struct str text)
{
    struct str kept = str_take(text, FIRST_VALUE_MAX);
    char words[64], *copy;

    e->cut = kept.n < text.n;
    for (size_t i = 0; e->cut && i < 3 && kept.n > 0 && !str_is_utf8(kept); i++)
        kept.n--;
    if (!str_is_utf8(kept)) {
        (void)snprintf(words, sizeof words, "(%zu bytes that are no text)", text.n);
        kept = str_c(words);
        e->cut = false;
    }
    copy = mem_new_array(char, kept.n + 1);
    memcpy(copy, kept.p, kept.n);
    e->value = (struct str){copy, kept.n};
}

static bool may_be_time(double ms, ts_ms now)
{
    return ms > (double)(now - 3653 * DAY_MS) && ms < (double)(now + DAY_MS);
}

static void read_score(struct first_entry *e, struct str text, ts_ms now)
{
    e->scored = number_parse(text, &e->score);
    for (double unit = 1; e->scored && unit <= 1000; unit *= 1000) {
        if (may_be_time(e->score * (1000 / unit), now)) {
            e->since = (ts_ms)(e->score * (1000 / unit));
            e->by = FIRST_AGE_SCORE;
        }
    }
}

/* "1731900400000-0" */
static void read_id(struct first_entry *e, struct str id, ts_ms now)
{
    struct str ms = str_split(&id, '-');
    double value;

    if (number_parse(ms, &value) && may_be_time(value, now)) {
        e->since = (ts_ms)value;
        e->by = FIRST_AGE_ID;
    }
}

/* "field=value field=value" */
static void keep_fields(struct first_entry *e, const struct resp *fields)
{
    SCOPED(buf_fini) struct buf text;

    buf_init(&text, 16 * FIRST_VALUE_MAX);
    for (size_t i = 0; i < fields->n && text.n <= FIRST_VALUE_MAX; i++) {
        if (i > 0)
            buf_addc(&text, i % 2 ? '=' : ' ');
        buf_add(&text, str_take(fields->items[i]->text, 2 * FIRST_VALUE_MAX));
    }
    keep_value(e, buf_str(&text));
}

static void free_entries(struct first_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free((void *)entries[i].value.p);
    mem_free(entries);
}

/* ---- the answer for one key ---- */

/* [n] entries of a list or stream, or values and scores in turn; how many were understood. */
static size_t read_entries(const struct resp *reply, const char *type, ts_ms now,
                           struct first_entry *out)
{
    size_t step = strcmp(type, "zset") == 0 ? 2 : 1, n = 0;

    for (size_t i = 0; i + step <= reply->n && n < REDIS_FIRST_MAX; i += step, n++) {
        const struct resp *item = reply->items[i];

        out[n] = (struct first_entry){.since = now, .by = FIRST_AGE_SEEN};
        if (step == 2)
            read_score(&out[n], reply->items[i + 1]->text, now);
        if (item->kind == RESP_LIST && item->n == 2 && item->items[1]->kind == RESP_LIST) {
            read_id(&out[n], item->items[0]->text, now);
            keep_fields(&out[n], item->items[1]);
        } else {
            keep_value(&out[n], item->text);
        }
    }
    return n;
}

/* One that was among the first before is as old as it was then. */
static void go_on(const struct queue *q, struct first_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; entries[i].by == FIRST_AGE_SEEN && j < q->n; j++)
            if (q->entries[j].by == FIRST_AGE_SEEN &&
                str_eq(q->entries[j].value, entries[i].value)) {
                entries[i].since = q->entries[j].since;
                break;
            }
}

struct answer {
    const char *type, *error;
    double size;
    struct first_entry *entries; /* heap */
    size_t n;
};

static void keep_answer(struct firsts *f, struct queue *q, struct answer *a, ts_ms now)
{
    go_on(q, a->entries, a->n);
    (void)pthread_mutex_lock(&f->all->lock);
    free_entries(q->entries, q->n);
    q->entries = a->entries;
    q->n = a->n;
    q->size = a->size;
    q->at = now;
    (void)snprintf(q->type, sizeof q->type, "%s", a->type);
    (void)snprintf(q->error, sizeof q->error, "%s", a->error ? a->error : "");
    (void)pthread_mutex_unlock(&f->all->lock);
}

/* What was read last stays. */
static void keep_error(struct firsts *f, struct queue *q, const char *words, ts_ms now)
{
    (void)pthread_mutex_lock(&f->all->lock);
    (void)snprintf(q->error, sizeof q->error, "%s", words);
    q->not_before = now + FIRST_AGAIN_MS;
    (void)pthread_mutex_unlock(&f->all->lock);
}

/* ---- asking ---- */

static int say_range(struct redis_run *r, const struct redis_first *asked, const char *type,
                     struct err *err)
{
    const char *key = asked->key.name;
    char last[16], count[16];

    (void)snprintf(last, sizeof last, "%u", asked->n - 1);
    (void)snprintf(count, sizeof count, "%u", asked->n);
    if (strcmp(type, "zset") == 0)
        return session_say(r->session, err, "ZRANGE", key, "0", last, "WITHSCORES");
    if (strcmp(type, "list") == 0)
        return session_say(r->session, err, "LRANGE", key, "0", last);
    return session_say(r->session, err, "XRANGE", key, "-", "+", "COUNT", count);
}

static int ask_entries(struct redis_run *r, const struct redis_first *asked, const char *size,
                       ts_ms now, struct answer *a, struct err *err)
{
    const struct resp *length, *entries;

    if (session_say(r->session, err, size, asked->key.name) < 0 ||
        say_range(r, asked, a->type, err) < 0 || redis_run_answer(r, size, &length, err) < 0 ||
        redis_run_answer(r, "the first entries", &entries, err) < 0)
        return -1;
    if (!length || length->kind != RESP_NUMBER || !entries || entries->kind != RESP_LIST) {
        a->error = "Redis refuses what asks for its entries";
        return 0;
    }
    a->size = (double)length->number;
    a->entries = mem_new_array(struct first_entry, asked->n);
    a->n = read_entries(entries, a->type, now, a->entries);
    return 0;
}

static int ask(struct firsts *f, struct queue *q, struct redis_run *r, ts_ms now, struct err *err)
{
    const struct redis_first *asked = q->asked;
    struct answer a = {.type = ""};
    const struct resp *type = NULL;
    char name[24];
    size_t kind = 0;
    bool ok;

    if (redis_run_select(r, asked->key.db, &ok, err) < 0 ||
        (ok && (session_say(r->session, err, "TYPE", asked->key.name) < 0 ||
                redis_run_answer(r, "TYPE", &type, err) < 0)))
        return -1;
    if (!type || type->kind != RESP_STATUS) {
        a.error = "Redis refuses to say its type";
        keep_answer(f, q, &a, now);
        return 0;
    }
    (void)snprintf(name, sizeof name, "%.*s", STR_ARGS(type->text));
    a.type = name;
    while (kind < ARRAY_LEN(kinds) && !str_eq(type->text, kinds[kind].type))
        kind++;
    if (kind < ARRAY_LEN(kinds)) {
        if (ask_entries(r, asked, kinds[kind].size, now, &a, err) < 0)
            return -1;
    } else if (!str_eq(type->text, STR("none"))) {
        a.error = "it has no first entry: neither a list, nor a sorted set, nor a stream";
    }
    keep_answer(f, q, &a, now);
    return 0;
}

void firsts_read(struct firsts *f, struct redis_run *r, ts_ms now_ms)
{
    struct err err;

    for (size_t i = 0; i < f->n; i++) {
        if (now_ms < f->queues[i].not_before)
            continue;
        if (ask(f, &f->queues[i], r, now_ms, &err) < 0) {
            keep_error(f, &f->queues[i], err.text, now_ms);
            return; /* the session is good for nothing */
        }
        session_forget(r->session);
    }
}

/* ---- life ---- */

struct firsts *firsts_new(struct redis_firsts *all, const struct entry_settings *entry)
{
    const struct redis_settings *settings = entry->own;
    struct firsts *f = mem_new(struct firsts);

    f->all = all;
    f->entry = entry;
    f->n = settings->first_n;
    f->queues = mem_new_array(struct queue, f->n);
    for (size_t i = 0; i < f->n; i++)
        f->queues[i].asked = &settings->first[i];
    (void)pthread_mutex_lock(&all->lock);
    f->next = all->list;
    all->list = f;
    (void)pthread_mutex_unlock(&all->lock);
    return f;
}

void firsts_free(struct firsts *f)
{
    struct firsts **at = &f->all->list;

    (void)pthread_mutex_lock(&f->all->lock);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    (void)pthread_mutex_unlock(&f->all->lock);
    for (size_t i = 0; i < f->n; i++)
        free_entries(f->queues[i].entries, f->queues[i].n);
    mem_free(f->queues);
    mem_free(f);
}

/* ---- for others ---- */

static const char *copy_text(struct arena *a, const char *text, struct err *err)
{
    return arena_str(a, str_c(text), err).p;
}

static int copy_queue(const struct firsts *f, const struct queue *q, struct arena *a,
                      struct first_queue *out, struct err *err)
{
    const struct entry_settings *entry = f->entry;
    struct str instance = labels_get(entry->labels, STR("instance"));
    struct first_entry *entries = arena_new_array(a, struct first_entry, q->n + 1, err);

    if (!instance.n && entry->instance)
        instance = str_c(entry->instance);
    if (!entries)
        return -1;
    for (size_t i = 0; i < q->n; i++) {
        entries[i] = q->entries[i];
        entries[i].value = arena_str(a, q->entries[i].value, err);
        if (!entries[i].value.p)
            return -1;
    }
    *out = (struct first_queue){.db = q->asked->key.db,
                                .size = q->size,
                                .at = q->at,
                                .entries = entries,
                                .n = q->n,
                                .instance = arena_str(a, instance, err).p,
                                .key = copy_text(a, q->asked->key.name, err),
                                .type = copy_text(a, q->type, err)};
    if (entry->host)
        out->host = copy_text(a, entry->host, err);
    if (*q->error)
        out->error = copy_text(a, q->error, err);
    return out->instance && out->key && out->type && (!entry->host || out->host) &&
                   (!*q->error || out->error)
               ? 0
               : -1;
}

static int copy_all(const struct firsts *list, struct arena *a, struct first_queue **out, size_t *n,
                    struct err *err)
{
    size_t cap = 0;

    for (const struct firsts *f = list; f; f = f->next)
        cap += f->n;
    *n = 0;
    *out = arena_new_array(a, struct first_queue, cap + 1, err);
    for (const struct firsts *f = list; *out && f; f = f->next)
        for (size_t i = 0; i < f->n; i++)
            if (copy_queue(f, &f->queues[i], a, &(*out)[(*n)++], err) < 0)
                return -1;
    return *out ? 0 : -1;
}

int redis_firsts_copy(struct redis_firsts *all, struct arena *a, struct first_queue **out,
                      size_t *n, struct err *err)
{
    int rc;

    (void)pthread_mutex_lock(&all->lock);
    rc = copy_all(all->list, a, out, n, err);
    (void)pthread_mutex_unlock(&all->lock);
    return rc;
}
