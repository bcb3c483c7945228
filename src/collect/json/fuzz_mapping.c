/* Answers against a mapping of every kind there is. The first line is the path of all metrics, the
 * rest are answers, apart by 0x01. Whatever they hold: samples have the metric's name and sound
 * labels, and the same answer twice in a row counts nothing twice. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "collect/collect.h"
#include "collect/json/collector.h"
#include "collect/json/json_settings.h"
#include "model/emit.h"
#include "model/labels.h"
#include "text/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KINDS 9

/* What came of one answer. */
struct gathered {
    struct emit emit;
    struct arena arena;
    size_t samples;
    double once; /* all counters of ids together */
};

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e, (void)err;
    assert(name_is_legacy_metric(family->family));
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct gathered *g = CONTAINER_OF(e, struct gathered, emit);
    struct label pairs[JSON_LABELS_MAX + 1];
    const struct labels *labels;

    assert(name_is_legacy_metric(s->name) && !s->has_ts);
    assert(s->labels_n <= ARRAY_LEN(pairs));
    for (size_t i = 0; i < s->labels_n; i++) {
        pairs[i] = s->labels[i];
        assert(str_is_utf8(pairs[i].value));
    }
    if (labels_build(&g->arena, pairs, s->labels_n, &labels, err) < 0) {
        assert(err->kind == ERR_LIMIT); /* an answer may hold texts of megabytes */
        return -1;
    }
    g->samples++;
    if (str_eq(s->name, STR("once")))
        g->once += s->value;
    return 0;
}

struct mapping_program {
    struct arena arena;
    struct json_settings settings;
    struct json_metric metrics[KINDS];
    struct json_label labels[2];
    struct json_match where;
    struct json_expect expect;
    struct str states[2];
};

static struct json_path path_of(struct mapping_program *p, struct str text)
{
    struct json_path path = {.n = 0};
    struct err err;

    if (json_path_parse(&p->arena, text, &path, &err) < 0)
        abort(); /* it is one of our own */
    return path;
}

static void make_settings(struct mapping_program *p, const struct json_path *path)
{
    static const struct {
        struct str name;
        enum json_take take;
        bool where;
    } kinds[KINDS] = {
        {STR("number"), JSON_TAKE_NUMBER, false},   {STR("time"), JSON_TAKE_TIME, false},
        {STR("states"), JSON_TAKE_STATES, false},   {STR("label"), JSON_TAKE_LABEL, false},
        {STR("present"), JSON_TAKE_PRESENT, true},  {STR("count"), JSON_TAKE_COUNT, true},
        {STR("seen"), JSON_TAKE_FIRST_SEEN, false}, {STR("once"), JSON_TAKE_ONCE, true},
        {STR("leaves"), JSON_TAKE_LEAVES, false}};

    p->labels[0] = (struct json_label){
        .name = STR("f"), .from = JSON_LABEL_FIELD, .field = path_of(p, STR(".f"))};
    p->labels[1] = (struct json_label){.name = STR("took"),
                                       .from = path->stars ? JSON_LABEL_TOOK : JSON_LABEL_TEXT};
    p->where = (struct json_match){path_of(p, STR("w")), STR("[a-m].*|1"), false};
    p->expect = (struct json_expect){path_of(p, STR("a.b")), true, STR("x+")};
    p->states[0] = STR("a");
    p->states[1] = STR("b");
    for (size_t i = 0; i < KINDS; i++)
        p->metrics[i] = (struct json_metric){.name = kinds[i].name,
                                             .take = kinds[i].take,
                                             .type = METRIC_GAUGE,
                                             .path = *path,
                                             .labels = p->labels,
                                             .labels_n = 2,
                                             .where = &p->where,
                                             .where_n = kinds[i].where,
                                             .scale = 2,
                                             .per = 1,
                                             .time = JSON_TIME_ISO,
                                             .age = true,
                                             .states = p->states,
                                             .states_n = 2,
                                             .label = STR("l"),
                                             .id = path_of(p, STR(".id"))};
    p->settings = (struct json_settings){.name = "fuzz",
                                         .metrics = p->metrics,
                                         .metrics_n = KINDS,
                                         .expect = &p->expect,
                                         .expect_n = 1,
                                         .zone = &zone_utc};
}

static enum parsed answer(const struct collector *c, struct str body, struct gathered *out)
{
    struct arena scratch;
    struct err err = {0};
    enum parsed parsed;

    *out = (struct gathered){.emit = {.family = on_family, .sample = on_sample}};
    arena_init(&out->arena, NULL);
    arena_init(&scratch, NULL);
    parsed = c->parse(c->arg, 200, body, &out->emit, &scratch, &err);
    assert(parsed == PARSED || err.text[0]);
    arena_fini(&scratch);
    arena_fini(&out->arena);
    return parsed;
}

static void run(const struct mapping_program *p, struct str answers)
{
    struct json_counts counts = {0};
    struct manual_clock clock;
    struct collector c;
    struct err err;

    manual_clock_init(&clock, 1000000);
    if (json_collector_make(&p->settings, &clock.clock, NULL, &counts, &c, &err) < 0)
        abort(); /* the patterns are our own */
    while (answers.p) {
        struct str body = str_split(&answers, '\x01');
        struct gathered first, again;

        if (answer(&c, body, &first) == answer(&c, body, &again)) {
            assert(first.samples == again.samples);
            assert(first.once <= again.once && again.once <= first.once);
        }
        manual_clock_advance(&clock, 1000);
    }
    c.free(c.arg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, line = str_split(&rest, '\n');
    struct mapping_program p;
    struct json_path path;

    arena_init(&p.arena, NULL);
    if (json_path_parse(&p.arena, line, &path, NULL) == 0 && !path.relative) {
        make_settings(&p, &path);
        run(&p, rest);
    }
    arena_fini(&p.arena);
    return 0;
}
