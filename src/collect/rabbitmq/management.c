#include "collect/rabbitmq/management.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/findings.h"
#include "collect/rabbitmq/rabbitmq_settings.h"
#include "text/regex.h"

#define FAMILY(variable, family, words)                                                            \
    static const struct finding_family variable = {                                                \
        .name = STR(family), .type = METRIC_GAUGE, .help = STR(words)}

static struct str text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)}
                                 : (struct str){"", 0};
}

static void add_number(struct findings *f, const struct finding_family *family,
                       const json_t *object, const char *key, const struct label labels[], size_t n)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_number(value))
        findings_add(f, family, json_number_value(value), labels, n);
    else if (json_is_boolean(value))
        findings_add(f, family, json_is_true(value), labels, n);
}

static int no_list(const char *of, struct err *err)
{
    return err_set(err, ERR_SYNTAX, "the answer is no list of %s", of);
}

/* ---- queues ---- */

static bool is_asked_for(const struct management *m, const json_t *queue)
{
    return json_is_object(queue) && regex_matches(m->queues, text_of(queue, "name")) &&
           regex_matches(m->vhost, text_of(queue, "vhost"));
}

static void tell_queue(const json_t *queue, struct findings *f)
{
    FAMILY(ready, "rabbitmq_queue_messages_ready", "Messages ready to be delivered to consumers");
    FAMILY(unacked, "rabbitmq_queue_messages_unacked",
           "Messages delivered to consumers but not yet acknowledged");
    FAMILY(consumers, "rabbitmq_queue_consumers", "Consumers on a queue");
    const struct label labels[] = {{STR("queue"), text_of(queue, "name")},
                                   {STR("vhost"), text_of(queue, "vhost")}};

    add_number(f, &ready, queue, "messages_ready", labels, 2);
    add_number(f, &unacked, queue, "messages_unacknowledged", labels, 2);
    add_number(f, &consumers, queue, "consumers", labels, 2);
}

static int read_queues(const struct management *m, const json_t *root, struct findings *f,
                       struct err *err)
{
    const json_t *queue;
    size_t i;

    if (!json_is_array(root))
        return no_list("queues", err);
    json_array_foreach(root, i, queue) if (is_asked_for(m, queue)) tell_queue(queue, f);
    return 0;
}

/* ---- queues of a Celery ---- */

/* Adds what the queues of that name hold to *sum, in all vhosts that are asked for. False: of one
 * of them it is not known. */
static bool add_up(const struct management *m, const json_t *root, struct str name, const char *key,
                   double *sum)
{
    const json_t *queue, *value;
    bool known = true;
    size_t i;

    json_array_foreach(root, i, queue)
    {
        if (!is_asked_for(m, queue) || !str_eq(text_of(queue, "name"), name))
            continue;
        value = json_object_get(queue, key);
        known &= json_is_number(value);
        *sum += json_number_value(value);
    }
    return known;
}

static int read_celery(const struct management *m, const json_t *root, struct findings *f,
                       struct err *err)
{
    FAMILY(length, "celery_queue_length", "Tasks that wait in a queue.");
    FAMILY(unacked, "celery_queue_unacked", "Tasks that workers have taken and not acknowledged.");
    double taken = 0;
    bool taken_known = true;

    if (!json_is_array(root))
        return no_list("queues", err);
    for (size_t i = 0; i < m->settings->celery_n; i++) {
        const struct label label = {STR("queue_name"), str_c(m->settings->celery[i])};
        double waiting = 0;

        if (add_up(m, root, label.value, "messages_ready", &waiting))
            findings_add(f, &length, waiting, &label, 1);
        taken_known &= add_up(m, root, label.value, "messages_unacknowledged", &taken);
    }
    if (taken_known)
        findings_add(f, &unacked, taken, NULL, 0);
    return 0;
}

/* ---- the rest ---- */

static int read_nodes(const json_t *root, struct findings *f, struct err *err)
{
    FAMILY(memory, "rabbitmq_alarms_memory_used_watermark",
           "is 1 if VM memory watermark alarm is in effect");
    FAMILY(disk, "rabbitmq_alarms_free_disk_space_watermark",
           "is 1 if free disk space watermark alarm is in effect");
    const json_t *node;
    size_t i;

    if (!json_is_array(root))
        return no_list("nodes", err);
    json_array_foreach(root, i, node)
    {
        const struct label label = {STR("rabbitmq_node"), text_of(node, "name")};

        add_number(f, &memory, node, "mem_alarm", &label, 1);
        add_number(f, &disk, node, "disk_free_alarm", &label, 1);
    }
    return 0;
}

static int read_overview(const json_t *root, struct findings *f, struct err *err)
{
    FAMILY(connections, "rabbitmq_connections", "Connections currently open");
    const json_t *totals = json_object_get(root, "object_totals");

    if (!json_is_object(totals))
        return err_set(err, ERR_SYNTAX, "the answer has no object_totals");
    add_number(f, &connections, totals, "connections", NULL, 0);
    return 0;
}

int management_read(const struct management *m, const json_t *root, struct findings *f,
                    struct err *err)
{
    switch (m->settings->part) {
    case RABBITMQ_NODES:
        return read_nodes(root, f, err);
    case RABBITMQ_OVERVIEW:
        return read_overview(root, f, err);
    case RABBITMQ_CELERY:
        return read_celery(m, root, f, err);
    default:
        return read_queues(m, root, f, err);
    }
}
