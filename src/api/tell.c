/* POST /api/earshot/v1/events: what happened and others know of: a deploy. As a form, or as JSON.
 */
#include <jansson.h>

#include "api/internal.h"
#include "model/name.h"
#include "state/events.h"
#include "text/json.h"

#define TOLD_LABELS 20u
#define KIND_MAX    40u
#define A_MINUTE    60u /* that are posted */
#define MINUTE_MS   60000

static bool is_words(struct str text)
{
    return str_is_utf8(text) && (!text.n || !memchr(text.p, 0, text.n));
}

static int add_label(struct label labels[TOLD_LABELS], size_t *n, struct label label,
                     struct err *err)
{
    if (!name_is_legacy_label(label.name) || str_starts(label.name, STR("__")))
        return err_set(err, ERR_SYNTAX, "\"%.*s\" is no name of a label",
                       STR_ARGS(str_take(label.name, 60)));
    if (!is_words(label.value))
        return err_set(err, ERR_SYNTAX, "label %.*s: expected a text", STR_ARGS(label.name));
    if (*n == TOLD_LABELS)
        return err_set(err, ERR_SYNTAX, "more than %u labels", TOLD_LABELS);
    labels[(*n)++] = label;
    return 0;
}

/* label=NAME=VALUE, several times. */
static int form_labels(const struct api_params *p, struct label labels[TOLD_LABELS], size_t *n,
                       struct err *err)
{
    for (size_t i = 0; i < p->n; i++) {
        struct str text = p->items[i].value;
        const char *equals = text.n ? memchr(text.p, '=', text.n) : NULL;
        size_t name_n = equals ? (size_t)(equals - text.p) : 0;

        if (!str_eq(p->items[i].name, STR("label")))
            continue;
        if (!equals)
            return err_set(err, ERR_SYNTAX, "label: expected NAME=VALUE, as service=api");
        if (add_label(labels, n, (struct label){str_take(text, name_n), str_skip(text, name_n + 1)},
                      err) < 0)
            return -1;
    }
    return 0;
}

static struct str text_of(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

/* A text or a number, in the arena; p NULL: neither, or no room. */
static struct str member_text(struct arena *a, const json_t *value, struct err *err)
{
    const char *number;

    if (!json_is_number(value))
        return value && json_is_string(value) ? arena_str(a, text_of(value), err)
                                              : (struct str){NULL, 0};
    number = json_is_integer(value)
                 ? arena_printf(a, err, "%" JSON_INTEGER_FORMAT, json_integer_value(value))
                 : arena_printf(a, err, "%.15g", json_number_value(value));
    return number ? str_c(number) : (struct str){NULL, 0};
}

static int json_labels(struct http_request *r, const json_t *given,
                       struct label labels[TOLD_LABELS], size_t *n, struct err *err)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)given, name, value)
    {
        struct label label = {arena_str(r->arena, str_c(name), err),
                              member_text(r->arena, value, err)};

        if (!label.name.p || !label.value.p)
            return err_set(err, ERR_SYNTAX, "labels: %.60s: expected a text", name);
        if (add_label(labels, n, label, err) < 0)
            return -1;
    }
    return 0;
}

/* {"kind", "text", "start", "end", "labels": {}} as the parameters of a form; in the arena. */
static int read_json(struct http_request *r, const json_t *root, struct api_params *out,
                     struct label labels[TOLD_LABELS], size_t *n, struct err *err)
{
    static const char *const known[] = {"kind", "text", "start", "end"};
    const json_t *given = json_object_get(root, "labels");

    out->items = arena_new_array(r->arena, struct http_param, ARRAY_LEN(known), err);
    if (!out->items)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        const json_t *value = json_object_get(root, known[i]);
        struct http_param member = {str_c(known[i]), member_text(r->arena, value, err)};

        if (value && !member.value.p)
            return err_set(err, ERR_SYNTAX, "%s: expected a text", known[i]);
        if (value)
            out->items[out->n++] = member;
    }
    if ((given && !json_is_object(given)) || json_object_size(root) != out->n + (given != NULL))
        return err_set(err, ERR_SYNTAX,
                       "expected {\"text\": ..., \"kind\": ..., \"labels\": {...}}, perhaps with "
                       "start and end, and nothing else");
    return json_labels(r, given, labels, n, err);
}

static int read_told(struct http_request *r, struct api_params *out,
                     struct label labels[TOLD_LABELS], size_t *n, struct err *err)
{
    struct json_t *root = NULL;
    int rc;

    *out = (struct api_params){.items = NULL};
    if (!str_starts(str_trim(r->body), STR("{"))) {
        if (http_params(r, &out->items, &out->n, err) < 0)
            return err_set(err, ERR_SYNTAX, "neither a form nor an object in JSON");
        return form_labels(out, labels, n, err);
    }
    rc = json_read(r->body, &root, err);
    if (rc == 0)
        rc = read_json(r, root, out, labels, n, err);
    json_decref(root);
    return rc;
}

static int check_kind(struct str kind, struct err *err)
{
    /* Jobs are found; whoever could tell of one would change what was found. */
    if (name_is_legacy_label(kind) && kind.n <= KIND_MAX && !str_eq(kind, STR("job")))
        return 0;
    return err_set(err, ERR_SYNTAX,
                   "kind: expected a word of letters, digits and _, at most %u, other than job",
                   KIND_MAX);
}

static int tell(struct http_request *r, struct api *api, struct err *err)
{
    ts_ms now = api->c.clock->wall_ms(api->c.clock);
    struct event event = {.start = now};
    struct label labels[TOLD_LABELS];
    struct api_params params;
    struct str kind, text;
    size_t n = 0;

    if (read_told(r, &params, labels, &n, err) < 0)
        return -1;
    kind = api_param(&params, "kind");
    kind = kind.n ? kind : STR("deploy");
    text = str_trim(api_param(&params, "text"));
    if (check_kind(kind, err) < 0)
        return -1;
    if (!text.n || !is_words(text))
        return err_set(err, ERR_SYNTAX, "text: expected what happened, in words");
    if (api_param_time(&params, "start", &event.start, err) < 0)
        return -1;
    event.end = event.start;
    if (api_param_time(&params, "end", &event.end, err) < 0)
        return -1;
    if (event.end < event.start || event.start > now + MINUTE_MS || event.end > now + MINUTE_MS)
        return err_set(err, ERR_SYNTAX, "end must not be before start, and none of them to come");
    if (events_is_past(api->c.events, &event))
        return err_set(err, ERR_SYNTAX, "it ended longer ago than events are kept");
    if (labels_build(r->arena, labels, n, &event.labels, err) < 0)
        return -1;
    if (!events_take_labels(event.labels))
        return err_set(err, ERR_SYNTAX, "labels of more than %u bytes", EVENT_LABELS_BYTES_MAX);
    event.kind = arena_cstr(r->arena, kind, err);
    event.text = arena_cstr(r->arena, text, err);
    if (!event.kind || !event.text)
        return -1;
    events_tell(api->c.events, &(struct event_told){event, NULL, 0});
    return 0;
}

/* Whoever may send samples may tell; pages of other origins may not (http/origin.h). */
void api_handle_tell(struct http_request *r, void *arg)
{
    struct api *api = arg;
    ts_ms minute = api->c.clock->wall_ms(api->c.clock) / MINUTE_MS;
    struct err err;

    if (minute != api->events_minute) {
        api->events_minute = minute;
        api->events_told = 0;
    }
    if (api->events_told == A_MINUTE) {
        events_drop_busy(api->c.events, 1);
        api_reply_status(r, 429, "unavailable", "more than 60 events in this minute");
    } else if (tell(r, api, &err) < 0) {
        api_reply_err(r, &err);
    } else {
        api->events_told++;
        http_reply(r, 204, "text/plain", STR(""));
    }
}
