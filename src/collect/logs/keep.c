#include "collect/logs/keep.h"

#include <math.h>

#include "base/clock.h"
#include "base/mem.h"
#include "collect/logs/logs_settings.h"
#include "collect/logs/patterns.h"
#include "collect/logs/record.h"
#include "collect/logs/when.h"
#include "logstore/logstore.h"
#include "text/number.h"

#define NUMBER_BYTES_MAX 18 /* a longer whole number fits into 64 bits only sometimes */
#define FIELDS_MAX       (LOG_FIELDS_MAX + PATTERNS_GROUPS_MAX)

struct keep {
    struct logstore *store;
    const struct logs_settings *settings;
    const struct clock *clock;
    struct logstore_batch *batch; /* owned; NULL: nothing is waiting */
    uint64_t number;              /* of the batch handed over last; 0: none */
    struct when when;
    struct buf message; /* of an entry of several lines */
    struct logstore_field fields[FIELDS_MAX];
};

struct keep *keep_new(struct logstore *store, const struct logs_settings *settings,
                      const struct clock *clock)
{
    struct keep *k = mem_new(struct keep);

    k->store = store;
    k->settings = settings;
    k->clock = clock;
    k->when.zone = settings->zone;
    return k;
}

void keep_free(struct keep *k)
{
    if (!k)
        return;
    logstore_batch_free(k->batch);
    buf_fini(&k->message);
    mem_free(k);
}

void keep_begin(struct keep *k)
{
    when_begin(&k->when, k->clock->wall_ms(k->clock));
}

/* A message of text goes on with the lines below it. A structured entry that has none says all in
 * its fields. */
static struct str message_of(struct keep *k, const struct log_record *r)
{
    const char *end = memchr(r->text.p, '\n', r->text.n);

    if (r->structured)
        return r->message.p == str_trim(r->text).p ? STR("") : r->message;
    if (!end)
        return r->message;
    buf_reset(&k->message);
    buf_add(&k->message, r->message);
    buf_add(&k->message, str_skip(r->text, (size_t)(end - r->text.p)));
    return buf_str(&k->message);
}

static bool has_name(const struct keep *k, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(k->fields[i].name, name))
            return true;
    return false;
}

/* Programs write numbers that are none in JSON (007), or that nobody can read (1e999). */
static bool is_plain(const struct log_field *f)
{
    struct str digits = f->value.n && f->value.p[0] == '-' ? str_skip(f->value, 1) : f->value;
    double v;

    if (!f->plain || str_eq(f->value, STR("true")) || str_eq(f->value, STR("false")))
        return f->plain;
    if (digits.n > 1 && digits.p[0] == '0' && digits.p[1] >= '0' && digits.p[1] <= '9')
        return false;
    return f->value.n <= NUMBER_BYTES_MAX && number_parse(f->value, &v) && isfinite(v);
}

/* A name in JSON that is read again holds none. */
static struct str before_nul(struct str name)
{
    const char *nul = name.n ? memchr(name.p, 0, name.n) : NULL;

    return nul ? str_take(name, (size_t)(nul - name.p)) : name;
}

/* The message is not kept a second time. A field wins over a group of its name. */
static size_t fields_of(struct keep *k, const struct log_record *r,
                        const struct patterns_found *found)
{
    size_t n = 0, own;

    for (size_t i = 0; i < r->fields_n; i++) {
        const struct log_field *f = &r->fields[i];
        struct str name = before_nul(f->name);

        if (f->value.p != r->message.p && !has_name(k, n, name))
            k->fields[n++] = (struct logstore_field){name, f->value, is_plain(f)};
    }
    own = n;
    for (size_t i = 0; i < found->groups_n; i++)
        if (!has_name(k, own, found->groups[i].name))
            k->fields[n++] =
                (struct logstore_field){found->groups[i].name, found->groups[i].value, false};
    return n;
}

void keep_line(struct keep *k, const struct log_record *record, const struct patterns_found *found,
               int64_t time_ms)
{
    struct logstore_line line = {.time_ms = when_of(&k->when, time_ms, record->time),
                                 .level = (uint8_t)found->level,
                                 .event = found->event,
                                 .message = message_of(k, record),
                                 .fields = k->fields,
                                 .fields_n = fields_of(k, record, found)};

    if (!k->batch)
        k->batch = logstore_batch_new(k->settings->name);
    logstore_batch_add(k->batch, &line);
}

size_t keep_bytes(const struct keep *k)
{
    return k->batch ? logstore_batch_bytes(k->batch) : 0;
}

void keep_hand_over(struct keep *k, uint64_t serial, struct str state)
{
    if (!k->batch)
        return;
    if (state.n)
        logstore_batch_mark(k->batch, serial, state);
    k->number = logstore_append(k->store, k->batch);
    k->batch = NULL;
}

void keep_wait(struct keep *k)
{
    if (k->number)
        logstore_wait(k->store, k->number);
    k->number = 0;
}
