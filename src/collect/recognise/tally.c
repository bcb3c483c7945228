#include "collect/recognise/tally.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/recognise/recognise.h"
#include "model/emit.h"
#include "model/expo.h"

#define SCRATCH_MAX (8u << 20)

struct counting {
    struct emit emit; /* first */
    const struct sign *signs;
    size_t signs_n;
    struct tally tally;
};

/* What a collector of ours brings under the same names. */
static const struct {
    struct str metric;
    const char *prefix;
} ours[] = {{{"node_cpu_seconds_total", 22}, "node_"},
            {{"redis_uptime_in_seconds", 23}, "redis_"},
            {{"pg_settings_max_connections", 27}, "pg_"},
            {{"flower_worker_online", 20}, "flower_"},
            {{"flower_events_total", 19}, "flower_"}};

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e;
    (void)family;
    (void)err;
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    struct counting *c = (struct counting *)e;

    (void)err;
    c->tally.samples++;
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (str_eq(sample->name, ours[i].metric))
            c->tally.same_as = ours[i].prefix;
    for (size_t i = 0; i < c->signs_n && !c->tally.family; i++) {
        const struct recogniser *r = c->signs[i].of;

        for (size_t k = 0; k < r->families_n; k++)
            if (str_starts(sample->name, str_c(r->families[k]))) {
                c->tally.family = r;
                c->tally.prefix = r->families[k];
            }
    }
    return 0;
}

static struct str whole_lines(struct str body)
{
    while (body.n && body.p[body.n - 1] != '\n')
        body.n--;
    return body;
}

bool tally_read(struct str body, struct str content_type, bool whole, const struct sign signs[],
                size_t signs_n, struct tally *out)
{
    struct counting c = {
        .emit = {.family = on_family, .sample = on_sample}, .signs = signs, .signs_n = signs_n};
    struct budget budget;
    struct arena scratch;
    enum expo_format format;
    struct err err;
    int result;

    if (expo_format_of(content_type, &format, &err) < 0)
        return false;
    if (!whole) {
        body = whole_lines(body);
        format = EXPO_TEXT; /* its end mark is missing */
    }
    budget_init(&budget, "an exposition", SCRATCH_MAX, NULL);
    arena_init(&scratch, &budget);
    result = expo_parse(body, format, &scratch, &c.emit, &err);
    arena_fini(&scratch);
    *out = c.tally;
    return result == 0 && c.tally.samples > 0;
}
