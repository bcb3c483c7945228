#include "collect/probe/probe.h"

#include "base/log.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/probe/probe_impl.h"
#include "collect/probe/probe_settings.h"

const char *probe_settle(struct probe_state *s)
{
    bool failing = s->why.kind != ERR_NONE;

    if (failing && !s->failing)
        log_warn(s->log, "probe", "%s fails: %s", s->settings->name, s->why.text);
    else if (!failing && s->failing)
        log_info(s->log, "probe", "%s succeeds again", s->settings->name);
    s->failing = failing;
    return failing ? s->why.text : NULL;
}

int probe_collector(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                    struct collector *out, struct err *err)
{
    const struct scrape_job *job = &entry->job;
    const struct probe_state state = {.settings = entry->own,
                                      .clock = clock,
                                      .log = log,
                                      .timeout_ms =
                                          collect_wait_ms(job->interval_ms, job->timeout_ms)};

    return state.settings->kind == PROBE_HTTP ? probe_web(&state, out, err)
                                              : probe_dial(&state, out, err);
}
