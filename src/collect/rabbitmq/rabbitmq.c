#include "collect/rabbitmq/rabbitmq.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/rabbitmq/management.h"
#include "collect/rabbitmq/rabbitmq_settings.h"
#include "model/expo.h"
#include "text/json.h"
#include "text/regex.h"

struct rabbitmq {
    const struct rabbitmq_settings *settings;
    struct regex *queues, *vhost; /* owned */
};

/* ---- the plug-in's exposition ---- */

/* Hands on what is of a queue and a vhost that are asked for, or of none. */
struct sieve {
    struct emit emit; /* first */
    const struct rabbitmq *rabbitmq;
    struct emit *to;
};

static int sieve_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct sieve *s = (struct sieve *)e;

    return s->to->family(s->to, family, err);
}

static int sieve_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    struct sieve *s = (struct sieve *)e;
    struct emit_sample whole = *sample;

    for (size_t i = 0; i < sample->labels_n; i++) {
        const struct label *label = &sample->labels[i];

        if ((str_eq(label->name, STR("queue")) &&
             !regex_matches(s->rabbitmq->queues, label->value)) ||
            (str_eq(label->name, STR("vhost")) && !regex_matches(s->rabbitmq->vhost, label->value)))
            return 0;
    }
    whole.text = (struct emit_text){.series = {NULL, 0}}; /* lines between may be missing */
    return s->to->sample(s->to, &whole, err);
}

static int read_plugin(const struct rabbitmq *r, struct str body, struct emit *emit,
                       struct arena *scratch, struct err *err)
{
    struct sieve sieve = {
        .emit = {.family = sieve_family, .sample = sieve_sample}, .rabbitmq = r, .to = emit};

    return expo_parse(body, EXPO_TEXT, scratch, &sieve.emit, err);
}

/* ---- the management API ---- */

static int read_management(const struct rabbitmq *r, struct str body, struct emit *emit,
                           struct arena *scratch, struct err *err)
{
    struct management m = {.settings = r->settings, .queues = r->queues, .vhost = r->vhost};
    struct findings findings;
    json_t *root;
    int rc;

    if (json_read(body, &root, err) < 0)
        return err_context(err, "the answer");
    findings_init(&findings, scratch);
    rc = management_read(&m, root, &findings, err);
    json_decref(root);
    return rc < 0 ? -1 : findings_emit(&findings, emit, err);
}

/* ---- life ---- */

static enum parsed parse(void *arg, int status, struct str body, struct emit *emit,
                         struct arena *scratch, struct err *err)
{
    const struct rabbitmq *r = arg;
    int rc;

    if (status / 100 != 2)
        return PARSED; /* that is told by its status */
    rc = r->settings->part == RABBITMQ_PLUGIN ? read_plugin(r, body, emit, scratch, err)
                                              : read_management(r, body, emit, scratch, err);
    return rc < 0 ? PARSED_NOT : PARSED;
}

static void collector_free(void *arg)
{
    struct rabbitmq *r = arg;

    regex_free(r->queues);
    regex_free(r->vhost);
    mem_free(r);
}

int rabbitmq_collector_of(const struct rabbitmq_settings *settings, struct collector *out,
                          struct err *err)
{
    struct rabbitmq *r = mem_new(struct rabbitmq);

    r->settings = settings;
    if (regex_new(settings->queues, true, &r->queues, err) < 0 ||
        regex_new(settings->vhost, true, &r->vhost, err) < 0) {
        collector_free(r);
        return -1;
    }
    *out = (struct collector){.name = "rabbitmq", .parse = parse, .free = collector_free, .arg = r};
    return 0;
}

int rabbitmq_collector(const struct entry_settings *entry, const struct clock *clock,
                       struct log *log, struct collector *out, struct err *err)
{
    (void)clock;
    (void)log;
    return rabbitmq_collector_of(entry->own, out, err);
}
