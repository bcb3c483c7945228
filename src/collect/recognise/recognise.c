#include "collect/recognise/recognise.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "collect/host/files.h"
#include "collect/recognise/draft.h"
#include "collect/recognise/spot.h"
#include "collect/recognise/survey.h"
#include "http/bodies.h"

#define SCAN_MS    2500 /* for all questions together */
#define ROUNDS_MAX 6

/* *cut: places that would have been asked more. */
static int ask(struct spots *spots, const struct clock *clock, int64_t deadline_ns, size_t *cut,
               struct err *err)
{
    bool asked = true;

    for (unsigned i = 0; i < ROUNDS_MAX && asked && clock->mono_ns(clock) < deadline_ns; i++)
        if (spots_ask(spots, clock, deadline_ns, &asked, err) < 0)
            return -1;
    *cut = 0;
    return asked ? spots_count_open(spots, cut, err) : 0;
}

int recognise_scan(const struct recognise_context *context, struct arena *a, struct scan *out,
                   struct err *err)
{
    const struct clock *clock = context->clock;
    int64_t start_ns = clock->mono_ns(clock);
    struct survey survey;
    struct spots spots = {.survey = &survey,
                          .user = context->user,
                          .arena = a,
                          .signs_n = context->recognisers_n,
                          .bodies = bodies_new()};
    struct files *files = NULL;
    size_t cut;
    int result = -1;

    *out = (struct scan){.n = 0};
    spots.signs = arena_new_array(a, struct sign, context->recognisers_n, err);
    if (!spots.signs || files_new(context->proc, context->sys, "/", &files, err) < 0)
        goto out;
    for (size_t i = 0; i < context->recognisers_n; i++)
        spots.signs[i].of = &context->recognisers[i];
    if (survey_read(files, a, &survey, err) < 0 || spots_list(&spots, err) < 0 ||
        ask(&spots, clock, start_ns + SCAN_MS * INT64_C(1000000), &cut, err) < 0 ||
        draft_all(context, &spots, a, out, err) < 0)
        goto out;
    out->ports = survey.ports;
    out->processes = survey.processes_n;
    out->units = survey.units;
    out->cut = (struct scan_cut){survey.tables_cut, survey.sockets_cut, survey.processes_cut, cut};
    result = 0;
out:
    if (spots.signs)
        spots_fini(&spots);
    files_free(files);
    bodies_unref(spots.bodies);
    out->seconds = (double)(clock->mono_ns(clock) - start_ns) / 1e9;
    return result;
}
