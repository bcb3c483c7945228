#include "collect/probe/judge.h"

#include <jansson.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/probe/probe_settings.h"
#include "text/json.h"
#include "text/json_path.h"
#include "text/regex.h"

#define VALUE_BYTES 256 /* what jansson takes for a value beside its text, at most */
#define VALUES_MAX  250000

struct judge {
    const struct probe_expect *expect;
    struct regex *match, *not_match; /* owned; NULL: none */
};

int judge_new(const struct probe_expect *expect, struct judge **out, struct err *err)
{
    struct judge *j = mem_new(struct judge);

    j->expect = expect;
    if ((expect->match.p && regex_new(expect->match, false, &j->match, err) < 0) ||
        (expect->not_match.p && regex_new(expect->not_match, false, &j->not_match, err) < 0)) {
        judge_free(j);
        return -1;
    }
    *out = j;
    return 0;
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    regex_free(j->match);
    regex_free(j->not_match);
    mem_free(j);
}

bool judge_needs_no_body(const struct judge *j)
{
    return !j->match && !j->not_match && j->expect->json_n == 0;
}

/* "200", "200-299", "200-299 or 404". */
static void print_wanted(const struct probe_expect *e, struct buf *out)
{
    for (size_t i = 0; i < e->status_n; i++) {
        buf_addf(out, "%s%d", i ? " or " : "", e->status[i].from);
        if (e->status[i].to != e->status[i].from)
            buf_addf(out, "-%d", e->status[i].to);
    }
}

int judge_status(const struct judge *j, int status, struct err *err)
{
    SCOPED(buf_fini) struct buf wanted = {.max_bytes = 200};

    for (size_t i = 0; i < j->expect->status_n; i++)
        if (status >= j->expect->status[i].from && status <= j->expect->status[i].to)
            return 0;
    print_wanted(j->expect, &wanted);
    return err_set(err, ERR_EVAL, "HTTP status %d, expected %.*s", status,
                   STR_ARGS(buf_str(&wanted)));
}

/* ---- JSON ---- */

static int check_value(const struct probe_json *want, const json_t *root, struct err *err)
{
    char space[JSON_TEXT_MAX];
    const json_t *value = json_path_get(&want->path, (json_t *)(uintptr_t)root);
    struct str text = json_scalar_text(value, space);

    if (text.p && str_eq(text, want->equals))
        return 0;
    if (!text.p)
        text = !value                ? STR("not there")
               : json_is_null(value) ? STR("null")
                                     : STR("no plain value");
    return err_set(err, ERR_EVAL, "%.*s in the JSON is %.*s, expected %.*s",
                   STR_ARGS(str_take(want->path.text, 80)), STR_ARGS(str_take(text, 80)),
                   STR_ARGS(str_take(want->equals, 80)));
}

static int check_read(const struct judge *j, struct str body, struct err *err)
{
    struct err why = {.kind = ERR_NONE};
    json_t *root = NULL;
    int rc = 0;

    if (json_read(body, &root, &why) < 0)
        return err_set(err, ERR_SYNTAX, "the answer is not JSON: line %u, column %u: %s",
                       why.at.line, why.at.column, why.text);
    for (size_t i = 0; rc == 0 && i < j->expect->json_n; i++)
        rc = check_value(&j->expect->json[i], root, err);
    json_decref(root);
    return rc;
}

static int check_json(const struct judge *j, struct str body, struct budget *budget,
                      struct err *err)
{
    size_t values, bytes;
    int rc;

    body = str_trim(body);
    values = json_count_values(body);
    bytes = values * VALUE_BYTES + body.n;
    if (values > VALUES_MAX)
        return err_set(err, ERR_LIMIT, "the JSON has more than %d values", VALUES_MAX);
    if (budget && budget_charge(budget, bytes, err) < 0)
        return -1;
    rc = check_read(j, body, err);
    if (budget)
        budget_return(budget, bytes);
    return rc;
}

/* ---- the whole ---- */

int judge_body(const struct judge *j, struct str body, struct budget *budget, bool *by_regex,
               struct err *err)
{
    const struct probe_expect *e = j->expect;

    *by_regex = true;
    if (j->match && !regex_matches(j->match, body))
        return err_set(err, ERR_EVAL, "nothing in the answer matches %.*s",
                       STR_ARGS(str_take(e->match, 200)));
    if (j->not_match && regex_matches(j->not_match, body))
        return err_set(err, ERR_EVAL, "something in the answer matches %.*s",
                       STR_ARGS(str_take(e->not_match, 200)));
    *by_regex = false;
    return e->json_n ? check_json(j, body, budget, err) : 0;
}
