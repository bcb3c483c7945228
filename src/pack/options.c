#include "pack/options.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "pack/pack.h"
#include "pack/tuning.h"
#include "text/number.h"
#include "text/regex.h"
#include "text/url.h"
#include "text/yaml.h"

const char *const options_common[] = {"instance", "interval", "timeout",
                                      "labels",   "rules",    "notify"};
const size_t options_common_n = ARRAY_LEN(options_common);

size_t options_names(const struct pack *pack, struct arena *a, const char **names, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < pack->parameters_n && n + 2 < max; i++) {
        const struct pack_parameter *p = &pack->parameters[i];
        const char *file = p->has_file ? arena_printf(a, NULL, "%s_file", p->name) : NULL;

        names[n++] = p->name;
        if (file)
            names[n++] = file;
    }
    for (size_t i = 0; i < options_common_n && n < max; i++)
        names[n++] = options_common[i];
    return n;
}

/* Where it is put behind a URL its standard begins with a slash: without one it would end in the
 * port. */
static void check_text(const struct pack_parameter *p, const struct yaml *value,
                       struct yaml_errors *errors)
{
    const struct yaml *standard = p->value;
    struct str text = {NULL, 0};

    yaml_read_str(value, p->name, &text, errors);
    if (text.n && standard && str_starts(standard->text, STR("/")) && !str_starts(text, STR("/")))
        yaml_error(errors, value, "%s: expected a path that begins with /, like %.*s", p->name,
                   STR_ARGS(standard->text));
}

static void check_url(const struct pack_parameter *p, const struct yaml *value,
                      struct yaml_errors *errors)
{
    struct str text = {NULL, 0};
    struct err err;
    struct url url;

    yaml_read_str(value, p->name, &text, errors);
    if (text.p && url_split(text, &url, &err) < 0)
        yaml_error(errors, value, "%s: %s", p->name, err.text);
}

static void check_regex(const struct pack_parameter *p, const struct yaml *value,
                        struct yaml_errors *errors)
{
    struct str text = {NULL, 0};
    struct regex *regex = NULL;
    struct err err;

    yaml_read_str(value, p->name, &text, errors);
    if (text.p && regex_new(text, false, &regex, &err) < 0)
        yaml_error(errors, value, "%s: %s", p->name, err.text);
    regex_free(regex);
}

static void check_login(const struct pack_parameter *p, const struct yaml *value,
                        struct yaml_errors *errors)
{
    if (value->kind != YAML_SCALAR || !value->text.n || !memchr(value->text.p, ':', value->text.n))
        yaml_error(errors, value, "%s: expected user:password", p->name);
}

static void check_log(const struct pack_parameter *p, const struct yaml *value,
                      struct yaml_errors *errors)
{
    static const char *const keys[] = {"path", "unit", "container", "syslog"};

    if (value->kind == YAML_MAP && value->n == 1) {
        (void)yaml_check_keys(value, p->name, keys, ARRAY_LEN(keys), errors);
        return;
    }
    if (value->kind != YAML_SCALAR || !value->text.n)
        yaml_error(errors, value,
                   "%s: expected a path, {unit: NAME}, {container: NAME} or {syslog: ADDRESS}",
                   p->name);
}

static void check_texts(const struct pack_parameter *p, const struct yaml *value,
                        struct yaml_errors *errors)
{
    bool sound = value->kind == YAML_LIST;

    for (size_t i = 0; sound && i < value->n; i++)
        sound = value->items[i].kind == YAML_SCALAR;
    if (!sound)
        yaml_error(errors, value, "%s: expected a list like [a, b]", p->name);
}

void options_check(const struct pack_parameter *p, const struct yaml *value,
                   struct yaml_errors *errors)
{
    struct str text;
    bool flag;
    int64_t ms;
    uint64_t bytes;
    double number;

    switch (p->type) {
    case PACK_TEXT:
        check_text(p, value, errors);
        return;
    case PACK_SECRET:
    case PACK_PATH:
        yaml_read_str(value, p->name, &text, errors);
        return;
    case PACK_URL:
        check_url(p, value, errors);
        return;
    case PACK_NUMBER:
        yaml_read_double(value, p->name, &number, errors);
        return;
    case PACK_DURATION:
        yaml_read_duration(value, p->name, &ms, errors);
        return;
    case PACK_SIZE:
        yaml_read_size(value, p->name, &bytes, errors);
        return;
    case PACK_BOOL:
        yaml_read_bool(value, p->name, &flag, errors);
        return;
    case PACK_LOGIN:
        check_login(p, value, errors);
        return;
    case PACK_LOG:
        check_log(p, value, errors);
        return;
    case PACK_REGEX:
        check_regex(p, value, errors);
        return;
    case PACK_TEXTS:
        check_texts(p, value, errors);
        return;
    case PACK_ANY:
        return;
    }
}

/* ---- of all packs ---- */

static void check_notify(const struct yaml *notify, struct yaml_errors *errors)
{
    static const char *const keys[] = {"email",
                                       "email_from",
                                       "smtp",
                                       "smtp_username",
                                       "smtp_password",
                                       "smtp_password_file",
                                       "slack_webhook_url",
                                       "slack_webhook_url_file",
                                       "webhook_url",
                                       "webhook_url_file",
                                       "group_by",
                                       "group_wait",
                                       "group_interval",
                                       "repeat_interval",
                                       "send_resolved",
                                       "message"};
    static const char *const times[] = {"group_wait", "group_interval", "repeat_interval"};
    const struct yaml *message = yaml_get(notify, "message");
    bool flag;
    int64_t ms;

    if (!yaml_check_keys(notify, "notify", keys, ARRAY_LEN(keys), errors))
        return;
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        yaml_read_duration(yaml_get(notify, times[i]), times[i], &ms, errors);
    yaml_read_bool(yaml_get(notify, "send_resolved"), "send_resolved", &flag, errors);
    if (message && !str_eq(message->text, STR("script")) && !str_eq(message->text, STR("explain")))
        yaml_error(errors, message, "message: expected script or explain");
}

void options_check_common(const struct pack *pack, const struct yaml *given,
                          struct yaml_errors *errors, struct yaml_errors *warnings)
{
    const struct yaml *rules = yaml_get(given, "rules"), *notify = yaml_get(given, "notify");
    const struct yaml *labels = yaml_get(given, "labels");
    struct str text;
    int64_t ms;

    yaml_read_str(yaml_get(given, "instance"), "instance", &text, errors);
    yaml_read_duration(yaml_get(given, "interval"), "interval", &ms, errors);
    yaml_read_duration(yaml_get(given, "timeout"), "timeout", &ms, errors);
    if (labels && labels->kind != YAML_MAP && labels->kind != YAML_NULL)
        yaml_error(errors, labels, "labels: expected a map like {room: studio}");
    if (rules && rules->kind != YAML_NULL) {
        tuning_check(pack, rules, errors, warnings);
        yaml_error(warnings, rules,
                   "rules of the pack %s are tuned, and judged by nobody: this version shows them "
                   "(/api/earshot/v1/packs/rules), no alert fires yet",
                   pack->name);
    }
    if (notify && notify->kind != YAML_NULL) {
        check_notify(notify, errors);
        yaml_error(warnings, notify,
                   "notify of the pack %s is not served by this version: nobody is told yet",
                   pack->name);
    }
}
