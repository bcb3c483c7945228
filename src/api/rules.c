/* Rules, alerts, and where alerts are sent: what a Prometheus without rules answers, since nothing
 * is judged yet. Parameters are read as if there were some. What the packs in use would judge is
 * shown as the rule file that it is. */
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "config/config.h"
#include "text/number.h"

static void reply_empty(struct http_request *r, const char *const keys[], size_t n)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    for (size_t i = 0; i < n; i++) {
        json_key(&w, keys[i]);
        json_begin_array(&w);
        json_end_array(&w);
    }
    json_end_object(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

static int refuse(struct err *err, const char *name, const char *why)
{
    return err_set(err, ERR_SYNTAX, "invalid parameter \"%s\": %s", name, why);
}

static int check_pages(const struct api_params *p, struct err *err)
{
    struct str limit = api_param(p, "group_limit"), token = api_param(p, "group_next_token");
    int64_t n = 1;

    if (token.n && !limit.n)
        return refuse(err, "group_next_token",
                      "group_limit needs to be present in order to paginate over the groups");
    if (limit.n && (!number_parse_i64(limit, &n) || n > INT32_MAX || n < INT32_MIN))
        return err_set(err, ERR_SYNTAX,
                       "invalid parameter \"group_limit\": group_limit needs to be a valid number: "
                       "strconv.ParseInt: parsing \"%.*s\": %s",
                       STR_ARGS(str_take(limit, 100)), api_not_a_number(limit));
    if (n <= 0)
        return refuse(err, "group_limit", "group_limit needs to be greater than 0");
    if (token.n)
        return err_set(
            err, ERR_SYNTAX,
            "invalid parameter \"group_next_token\": invalid group_next_token '%.*s'. were "
            "rule groups changed?",
            STR_ARGS(str_take(token, 100)));
    return 0;
}

static bool is_word(struct str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static int check_rules(const struct api_params *p, struct err *err)
{
    struct str type = api_param(p, "type"), exclude = api_param(p, "exclude_alerts");
    bool ignored;

    if (type.n && !is_word(type, "alert") && !is_word(type, "record"))
        return err_set(err, ERR_SYNTAX, "invalid parameter \"type\": not supported value \"%.*s\"",
                       STR_ARGS(str_take(type, 60)));
    if (exclude.n && !api_param_flag(exclude, &ignored))
        return err_set(err, ERR_SYNTAX,
                       "invalid parameter \"exclude_alerts\": error converting exclude_alerts: "
                       "strconv.ParseBool: parsing \"%.*s\": invalid syntax",
                       STR_ARGS(str_take(exclude, 100)));
    return check_pages(p, err);
}

static void handle_rules(struct http_request *r, void *arg)
{
    static const char *const keys[] = {"groups"};
    struct api_params p;
    struct err err;

    (void)arg;
    if (api_params_read(r, &p) < 0)
        return;
    if (check_rules(&p, &err) < 0)
        api_reply_err(r, &err);
    else
        reply_empty(r, keys, ARRAY_LEN(keys));
}

static void handle_alerts(struct http_request *r, void *arg)
{
    static const char *const keys[] = {"alerts"};

    (void)arg;
    reply_empty(r, keys, ARRAY_LEN(keys));
}

static void handle_alertmanagers(struct http_request *r, void *arg)
{
    static const char *const keys[] = {"activeAlertmanagers", "droppedAlertmanagers"};

    (void)arg;
    reply_empty(r, keys, ARRAY_LEN(keys));
}

static void handle_pack_rules(struct http_request *r, void *arg)
{
    struct api *api = arg;

    http_reply(r, 200, "application/yaml", str_c(api->c.config->pack_rules));
}

void api_rules_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/packs/rules", HTTP_GET, handle_pack_rules);
    api_route(api, "/api/v1/rules", HTTP_GET, handle_rules);
    api_route(api, "/api/v1/alerts", HTTP_GET, handle_alerts);
    api_route(api, "/api/v1/alertmanagers", HTTP_GET, handle_alertmanagers);
}
