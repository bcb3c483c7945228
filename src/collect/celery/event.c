#include "collect/celery/event.h"

#include <jansson.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "text/base64.h"
#include "text/json.h"

static const char *const names[EVENT_TYPES] = {
    [EVENT_WORKER_ONLINE] = "worker-online",   [EVENT_WORKER_HEARTBEAT] = "worker-heartbeat",
    [EVENT_WORKER_OFFLINE] = "worker-offline", [EVENT_TASK_SENT] = "task-sent",
    [EVENT_TASK_RECEIVED] = "task-received",   [EVENT_TASK_STARTED] = "task-started",
    [EVENT_TASK_SUCCEEDED] = "task-succeeded", [EVENT_TASK_FAILED] = "task-failed",
    [EVENT_TASK_REJECTED] = "task-rejected",   [EVENT_TASK_REVOKED] = "task-revoked",
    [EVENT_TASK_RETRIED] = "task-retried",
};

struct str event_type_name(enum event_type type)
{
    return str_c(names[type]);
}

static struct str text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)}
                                 : (struct str){"", 0};
}

/* One that may become a label. */
static struct str label_of(const json_t *object, const char *key)
{
    struct str text = text_of(object, key);

    return text.n <= EVENT_TEXT_MAX ? text : (struct str){"", 0};
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : -1;
}

static enum event_type type_of(struct str name)
{
    unsigned type = 0;

    while (type < EVENT_TYPES && !str_eq(name, str_c(names[type])))
        type++;
    return (enum event_type)type;
}

static bool see_one(const json_t *object, void (*see)(void *arg, const struct event *event),
                    void *arg)
{
    struct event event = {.type = type_of(text_of(object, "type")),
                          .host = label_of(object, "hostname"),
                          .name = label_of(object, "name"),
                          .uuid = text_of(object, "uuid"),
                          .runtime_s = number_of(object, "runtime"),
                          .timestamp_s = number_of(object, "timestamp"),
                          .active = number_of(object, "active"),
                          .freq_s = number_of(object, "freq")};

    if (text_of(object, "type").n == 0)
        return false;
    see(arg, &event);
    return true;
}

/* An event, or a list of them. False: one of them is none. */
static bool see_all(const json_t *root, void (*see)(void *arg, const struct event *event),
                    void *arg)
{
    const json_t *one;
    bool all = true;
    size_t i;

    if (!json_is_array(root))
        return see_one(root, see, arg);
    json_array_foreach(root, i, one) all &= see_one(one, see, arg);
    return all;
}

/* What is in the envelope, as JSON; NULL: it cannot be read. */
static json_t *open_envelope(const json_t *envelope, struct err *err)
{
    const json_t *properties = json_object_get(envelope, "properties");
    struct str body = text_of(envelope, "body");
    json_t *root = NULL;
    char *plain = NULL;
    size_t n;

    if (!json_is_string(json_object_get(envelope, "body"))) {
        (void)err_set(err, ERR_SYNTAX, "an event without a body");
        return NULL;
    }
    if (str_eq(text_of(properties, "body_encoding"), STR("base64"))) {
        plain = mem_zalloc(body.n + 1); /* of a message that is bounded (pushes.h) */
        if (!base64_decode(BASE64_STANDARD, body, plain, &n)) {
            mem_free(plain);
            (void)err_set(err, ERR_SYNTAX, "the body of an event is no base64");
            return NULL;
        }
        body = (struct str){plain, n};
    }
    if (json_read(body, &root, err) < 0)
        root = NULL;
    mem_free(plain);
    return root;
}

int event_read(struct str message, void (*see)(void *arg, const struct event *event), void *arg,
               struct err *err)
{
    json_t *root, *inner = NULL;
    bool ok;

    if (json_read(message, &root, err) < 0)
        return -1;
    if (json_object_get(root, "body")) {
        inner = open_envelope(root, err);
        if (!inner) {
            json_decref(root);
            return -1;
        }
    }
    ok = see_all(inner ? inner : root, see, arg);
    json_decref(inner);
    json_decref(root);
    return ok ? 0 : err_set(err, ERR_SYNTAX, "an event without a type");
}

uint64_t event_task_id(struct str envelope)
{
    struct str id;
    uint64_t hash;
    struct err err;
    json_t *root;

    if (json_read(envelope, &root, &err) < 0)
        return 0;
    id = text_of(json_object_get(root, "headers"), "id");
    if (!id.n) /* before Celery 4 */
        id = text_of(json_object_get(root, "properties"), "correlation_id");
    hash = id.n ? hash_str(id) : 0;
    json_decref(root);
    return hash;
}
