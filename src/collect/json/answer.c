#include "collect/json/answer.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/json/json_settings.h"
#include "text/json.h"

/* What jansson takes for a value beside its text, at most. */
#define VALUE_BYTES 256
#define VALUES_MAX  250000

static int tell(const struct err *why, struct str body, struct err *err)
{
    if (why->kind != ERR_SYNTAX)
        return err_set(err, why->kind, "%s", why->text);
    return err_set(err, ERR_SYNTAX, "line %u, column %u: %s; the answer begins with: %.*s",
                   why->at.line, why->at.column, why->text, STR_ARGS(str_take(body, 60)));
}

/* Paths begin with a member, say: then an answer that is a list has none of the metrics. */
static bool begins_in(const struct json_path *path, const json_t *root)
{
    enum json_step_kind first = path->steps[0].kind;

    return first == JSON_STEP_EACH || (first == JSON_STEP_MEMBER) == json_is_object(root);
}

static int check_top(const struct json_settings *s, const json_t *root, struct err *err)
{
    if (json_is_object(root) || json_is_array(root)) {
        for (size_t i = 0; i < s->metrics_n; i++)
            if (begins_in(&s->metrics[i].path, root))
                return 0;
        for (size_t i = 0; i < s->expect_n; i++)
            if (begins_in(&s->expect[i].path, root))
                return 0;
    }
    return err_set(err, ERR_EVAL, "the answer is %s; no path of the mapping begins in one",
                   json_is_object(root)   ? "a JSON object"
                   : json_is_array(root)  ? "a JSON list"
                   : json_is_string(root) ? "a JSON text"
                                          : "a single JSON value");
}

int answer_read(struct answer *a, const struct json_settings *settings, struct str text,
                struct budget *budget, struct err *err)
{
    size_t values;
    struct err why = {.kind = ERR_NONE};

    text = str_trim(text);
    values = json_count_values(text);
    *a = (struct answer){NULL, budget, values * VALUE_BYTES + text.n};
    if (text.n == 0)
        return err_set(err, ERR_EVAL, "the answer is empty");
    if (values > VALUES_MAX)
        return err_set(err, ERR_LIMIT, "the answer has more than %d values", VALUES_MAX);
    if (budget && budget_charge(budget, a->charged, err) < 0)
        return -1;
    if ((json_read(text, &a->root, &why) < 0 && tell(&why, text, err) < 0) ||
        check_top(settings, a->root, err) < 0) {
        answer_end(a);
        return -1;
    }
    return 0;
}

void answer_end(struct answer *a)
{
    json_decref(a->root);
    if (a->budget)
        budget_return(a->budget, a->charged);
    *a = (struct answer){NULL, NULL, 0};
}
