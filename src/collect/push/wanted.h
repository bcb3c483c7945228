/* wanted: the value of one series among all that is emitted, for tests.
 *
 *     struct wanted w = wanted_value("earshot_ping_late", "job", -1);
 *     pings_emit(p, now, &w.emit, &err);
 *     w.value
 */
#ifndef COLLECT_PUSH_WANTED_H
#define COLLECT_PUSH_WANTED_H

#include "base/str.h"
#include "base/test.h"
#include "model/emit.h"

struct wanted {
    struct emit emit; /* first */
    const char *name, *instance;
    double value; /* as it was when the series did not come */
};

static inline int wanted_on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e, (void)family, (void)err;
    return 0;
}

static inline int wanted_on_sample(struct emit *e, const struct emit_sample *sample,
                                   struct err *err)
{
    struct wanted *w = (struct wanted *)e;

    (void)err;
    assert_true(str_eq(sample->labels[0].name, STR("instance")));
    if (str_eq(sample->name, str_c(w->name)) && str_eq(sample->labels[0].value, str_c(w->instance)))
        w->value = sample->value;
    return 0;
}

static inline struct wanted wanted_value(const char *name, const char *instance, double none)
{
    return (struct wanted){
        {.family = wanted_on_family, .sample = wanted_on_sample}, name, instance, none};
}

#endif
