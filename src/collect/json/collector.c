#include "collect/json/collector.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/json/json_settings.h"
#include "collect/json/mapping.h"
#include "text/json.h"

/* What jansson takes for a value beside its text, at most. */
#define VALUE_BYTES 256
#define VALUES_MAX  250000

struct json_collector {
    const struct json_settings *settings;
    const struct clock *clock;
    struct mapping *mapping;
};

static int tell(const struct err *why, struct str body, struct err *err)
{
    if (why->kind != ERR_SYNTAX)
        return err_set(err, why->kind, "%s", why->text);
    return err_set(err, ERR_SYNTAX, "line %u, column %u: %s; the answer begins with: %.*s",
                   why->at.line, why->at.column, why->text, STR_ARGS(str_take(body, 60)));
}

/* Paths begin with a member, say: then an answer that is a list has none of the metrics. */
static int check_top(const struct json_settings *s, const json_t *root, struct err *err)
{
    if (json_is_object(root) || json_is_array(root)) {
        for (size_t i = 0; i < s->metrics_n; i++) {
            enum json_step_kind first = s->metrics[i].path.steps[0].kind;

            if (first == JSON_STEP_EACH || (first == JSON_STEP_MEMBER) == json_is_object(root))
                return 0;
        }
    }
    return err_set(err, ERR_EVAL, "the answer is %s; no path of the mapping begins in one",
                   json_is_object(root)   ? "a JSON object"
                   : json_is_array(root)  ? "a JSON list"
                   : json_is_string(root) ? "a JSON text"
                                          : "a single JSON value");
}

static enum parsed map_root(struct json_collector *c, int status, json_t *root, struct emit *emit,
                            struct arena *scratch, struct err *err)
{
    const struct mapping_moment moment = {.now = c->clock->wall_ms(c->clock)};

    if (check_top(c->settings, root, err) < 0 ||
        (status / 100 != 2 && !mapping_finds(c->mapping, root)) ||
        mapping_apply(c->mapping, root, moment, emit, scratch, err) < 0)
        return PARSED_NOT;
    return mapping_expect(c->mapping, root, err) < 0 ? PARSED_UNWELL : PARSED;
}

/* JSON takes many times the room of its text. */
static int read_text(struct str text, struct arena *scratch, size_t *charged, json_t **out,
                     struct err *err)
{
    size_t values = json_count_values(text), bytes = values * VALUE_BYTES + text.n;
    struct err why = {.kind = ERR_NONE};

    if (text.n == 0)
        return err_set(err, ERR_EVAL, "the answer is empty");
    if (values > VALUES_MAX)
        return err_set(err, ERR_LIMIT, "the answer has more than %d values", VALUES_MAX);
    if (scratch->budget && budget_charge(scratch->budget, bytes, err) < 0)
        return -1;
    *charged = bytes;
    return json_read(text, out, &why) < 0 ? tell(&why, text, err) : 0;
}

static enum parsed parse(void *arg, int status, struct str body, struct emit *emit,
                         struct arena *scratch, struct err *err)
{
    size_t charged = 0;
    json_t *root = NULL;
    enum parsed parsed = PARSED_NOT;

    if (read_text(str_trim(body), scratch, &charged, &root, err) == 0)
        parsed = map_root(arg, status, root, emit, scratch, err);
    json_decref(root);
    if (scratch->budget)
        budget_return(scratch->budget, charged);
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
    struct json_collector *c = mem_new(struct json_collector);

    c->settings = settings;
    c->clock = clock;
    if (mapping_new(settings, log, &counts->values_invalid, &c->mapping, err) < 0) {
        mem_free(c);
        return -1;
    }
    *out = (struct collector){
        .name = settings->name, .parse = parse, .free = free_collector, .arg = c};
    return 0;
}
