/* Sizes of the keys that are named: TYPE for all of them at once, then the command of each type.
 * All of these cost Redis the same however large the key is. */
#include <stdio.h>

#include "base/arena.h"
#include "collect/findings.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"

#define BATCH 256

static const struct {
    struct str type;
    struct str command; /* n 0: there is no such key */
} kinds[] = {
    {STR("none"), STR("")},       {STR("string"), STR("STRLEN")}, {STR("list"), STR("LLEN")},
    {STR("set"), STR("SCARD")},   {STR("zset"), STR("ZCARD")},    {STR("hash"), STR("HLEN")},
    {STR("stream"), STR("XLEN")},
};

static size_t kind_of(const struct resp *reply)
{
    size_t i = 0;

    while (i < ARRAY_LEN(kinds) &&
           (!reply || reply->kind != RESP_STATUS || !str_eq(reply->text, kinds[i].type)))
        i++;
    return i;
}

static void add_size(struct redis_run *r, const struct redis_key *key, double size)
{
    static const struct finding_family family = {
        .name = STR("redis_key_size"),
        .type = METRIC_GAUGE,
        .help = STR("Elements of a list, set, hash or stream, bytes of a string; 0: no such key.")};
    char db[16];
    struct label labels[] = {{STR("db"), {db, 0}}, {STR("key"), str_c(key->name)}};

    labels[0].value.n = (size_t)snprintf(db, sizeof db, "db%u", key->db);
    findings_add(r->findings, &family, size, labels, 2);
}

static int ask_types(struct redis_run *r, const struct redis_key keys[], size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (session_say(r->session, err, "TYPE", keys[i].name) < 0)
            return -1;
    return 0;
}

/* keys[0..n) are of one database, which is selected. */
static int read_batch(struct redis_run *r, const struct redis_key keys[], size_t n, struct err *err)
{
    size_t kind[BATCH];
    const struct resp *reply;

    if (ask_types(r, keys, n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (redis_run_answer(r, "TYPE", &reply, err) < 0)
            return -1;
        kind[i] = kind_of(reply);
    }
    for (size_t i = 0; i < n; i++) {
        const struct str args[] = {kind[i] < ARRAY_LEN(kinds) ? kinds[kind[i]].command : STR(""),
                                   str_c(keys[i].name)};

        if (args[0].n > 0 && session_ask(r->session, args, 2, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (kind[i] == ARRAY_LEN(kinds))
            continue; /* refused, or of a module's type: nothing says its size */
        if (kinds[kind[i]].command.n == 0) {
            add_size(r, &keys[i], 0);
            continue;
        }
        if (redis_run_answer(r, kinds[kind[i]].command.p, &reply, err) < 0)
            return -1;
        if (reply && reply->kind == RESP_NUMBER)
            add_size(r, &keys[i], (double)reply->number);
    }
    return 0;
}

int sizes_read(struct redis_run *r, struct err *err)
{
    const struct redis_key *keys = r->settings->keys;
    size_t n = r->settings->keys_n;

    for (size_t start = 0, end; start < n; start = end) {
        bool ok;

        end = start;
        while (end < n && end - start < BATCH && keys[end].db == keys[start].db)
            end++;
        if (redis_run_select(r, keys[start].db, &ok, err) < 0 ||
            (ok && read_batch(r, keys + start, end - start, err) < 0))
            return -1;
    }
    return 0;
}
