#include "collect/json/collector.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/json/answer.h"
#include "collect/json/file.h"
#include "collect/json/json_settings.h"
#include "collect/json/mapping.h"
#include "model/emit.h"

struct json_collector {
    const struct json_settings *settings;
    const struct clock *clock;
    struct mapping *mapping;
};

static enum parsed map_answer(struct json_collector *c, int status, struct json_t *root,
                              struct emit *emit, struct arena *scratch, struct err *err)
{
    const struct mapping_moment moment = {.now = c->clock->wall_ms(c->clock)};

    if ((status / 100 != 2 && !mapping_finds(c->mapping, root)) ||
        mapping_apply(c->mapping, root, moment, emit, scratch, err) < 0)
        return PARSED_NOT;
    return mapping_expect(c->mapping, root, err) < 0 ? PARSED_UNWELL : PARSED;
}

static enum parsed parse_body(struct json_collector *c, int status, struct str body,
                              struct emit *emit, struct arena *scratch, struct err *err)
{
    struct answer answer;
    enum parsed parsed;

    if (c->settings->metrics_n == 0 && c->settings->expect_n == 0)
        return PARSED; /* the status is all that is asked for */
    if (answer_read(&answer, c->settings, body, scratch->budget, err) < 0)
        return PARSED_NOT;
    parsed = map_answer(c, status, answer.root, emit, scratch, err);
    answer_end(&answer);
    return parsed;
}

/* What the status says. It counts also where the body is worth nothing. */
static int put_oks(const struct json_collector *c, int status, struct emit *emit, struct err *err)
{
    for (size_t i = 0; i < c->settings->oks_n; i++) {
        const struct json_ok *ok = &c->settings->oks[i];
        const struct metadata family = {.family = ok->name, .type = METRIC_GAUGE, .help = ok->help};
        const struct emit_sample sample = {.name = ok->name, .value = status / 100 == 2};

        if (emit->family(emit, &family, err) < 0 || emit->sample(emit, &sample, err) < 0)
            return -1;
    }
    return 0;
}

static enum parsed parse(void *arg, int status, struct str body, struct emit *emit,
                         struct arena *scratch, struct err *err)
{
    struct json_collector *c = arg;
    enum parsed parsed = parse_body(c, status, body, emit, scratch, err);
    struct err why;

    if (c->settings->oks_n == 0)
        return parsed;
    if (put_oks(c, status, emit, &why) < 0) {
        *err = why;
        return PARSED_NOT;
    }
    return parsed == PARSED_NOT ? PARSED_UNWELL : parsed;
}

static void free_collector(void *arg)
{
    struct json_collector *c = arg;

    mapping_free(c->mapping);
    mem_free(c);
}

int json_collector_make(const struct json_settings *settings, const struct clock *clock,
                        struct log *log, struct json_counts *counts, struct collector *out,
                        struct err *err)
{
    struct mapping *mapping;
    struct json_collector *c;

    if (mapping_new(settings, log, &counts->values_invalid, &mapping, err) < 0)
        return -1;
    if (settings->file) {
        *out = json_file_collector(settings, mapping, clock, log, &counts->lines_invalid);
        return 0;
    }
    c = mem_new(struct json_collector);
    *c = (struct json_collector){settings, clock, mapping};
    *out = (struct collector){
        .name = settings->name, .parse = parse, .free = free_collector, .arg = c};
    return 0;
}
