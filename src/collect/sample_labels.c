#include "collect/sample_labels.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/scrape_settings.h"
#include "collect/target_labels.h"
#include "model/emit.h"
#include "model/labels.h"

static int check_label(const struct scrape_limits *limits, struct label label, struct err *err)
{
    struct str name = str_take(label.name, 50), value = str_take(label.value, 50);

    if (limits->label_name_bytes && label.name.n > limits->label_name_bytes)
        return err_set(err, ERR_LIMIT,
                       "label name %.*s has %zu bytes, more than label_name_length_limit %" PRIu64,
                       STR_ARGS(name), label.name.n, limits->label_name_bytes);
    if (limits->label_value_bytes && label.value.n > limits->label_value_bytes)
        return err_set(err, ERR_LIMIT,
                       "label %.*s: its value \"%.*s\" has %zu bytes, more than "
                       "label_value_length_limit %" PRIu64,
                       STR_ARGS(name), STR_ARGS(value), label.value.n, limits->label_value_bytes);
    return 0;
}

static int check_limits(const struct scrape_limits *limits, const struct labels *ls,
                        struct err *err)
{
    if (limits->labels && ls->n > limits->labels)
        return err_set(err, ERR_LIMIT, "%" PRIu32 " labels are more than label_limit %" PRIu64,
                       ls->n, limits->labels);
    if (!limits->label_name_bytes && !limits->label_value_bytes)
        return 0;
    for (size_t i = 0; i < ls->n; i++)
        if (check_label(limits, labels_at(ls, i), err) < 0)
            return -1;
    return 0;
}

/* metric_name_validation_scheme: legacy. */
static int check_legacy(const struct labels *ls, struct err *err)
{
    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);
        bool is_metric = str_eq(label.name, STR(LABEL_NAME));

        if (is_metric ? !name_is_legacy_metric(label.value) : !name_is_legacy_label(label.name))
            return err_set(err, ERR_EVAL,
                           "\"%.*s\" is no name under metric_name_validation_scheme legacy",
                           STR_ARGS(str_take(is_metric ? label.value : label.name, 100)));
    }
    return 0;
}

static int check(const struct scrape_job *job, const struct labels *ls, struct err *err)
{
    if (labels_get(ls, STR(LABEL_NAME)).n == 0)
        return err_set(err, ERR_EVAL, "metric_relabel_configs leave the series without a name");
    if (job->legacy_names && check_legacy(ls, err) < 0)
        return -1;
    return check_limits(&job->limits, ls, err);
}

int sample_labels_make(const struct scrape_job *job, const struct labels *target, bool honor_labels,
                       const struct emit_sample *sample, struct arena *a, const struct labels **out,
                       struct err *err)
{
    const struct labels *ls;
    bool kept = true;

    if (target_labels_build(a, target, honor_labels, sample, &ls, err) < 0 ||
        (job && relabel_apply(&job->metric_relabel, a, ls, &kept, &ls, err) < 0) ||
        (job && kept && ls->n > 0 && check(job, ls, err) < 0))
        return err_context(err, "%.*s", STR_ARGS(str_take(sample->name, 100)));
    *out = kept && ls->n > 0 ? ls : NULL;
    return 0;
}
