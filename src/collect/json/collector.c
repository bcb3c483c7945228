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

static enum parsed parse(void *arg, int status, struct str body, struct emit *emit,
                         struct arena *scratch, struct err *err)
{
    struct json_collector *c = arg;
    struct answer answer;
    enum parsed parsed;

    if (answer_read(&answer, c->settings, body, scratch->budget, err) < 0)
        return PARSED_NOT;
    parsed = map_answer(c, status, answer.root, emit, scratch, err);
    answer_end(&answer);
    return parsed;
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
