/* HTTP: one request, or several in order, each on a connection of its own.
 *
 * All but the last answer are judged on the loop, as soon as they are there, since the next request
 * depends on them; so they are kept short. The last one, which may be large, is judged on the lane.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/probe/judge.h"
#include "collect/probe/probe_impl.h"
#include "collect/probe/probe_settings.h"
#include "collect/probe/tell.h"
#include "http/fetch.h"
#include "http/trace.h"

#define EARLIER_BODY_MAX (256u << 10) /* some 2 ms of the loop */
#define BODY_MAX         (16u << 20)

struct web_step {
    struct judge *judge; /* owned */
    struct fetch *fetch; /* owned; NULL: not asked */
    bool ended, good;
};

struct web {
    struct probe_state state; /* first */
    const struct gather *gather;
    struct web_step *steps; /* owned; [settings->steps_n] */
    size_t at;              /* the one under way, or the last that was asked */
    int64_t start_ns;
    double seconds;
    bool by_regex;
};

static const struct probe_settings *settings_of(const struct web *w)
{
    return w->state.settings;
}

static bool is_last(const struct web *w)
{
    return w->at + 1 == settings_of(w)->steps_n;
}

static void end(struct web *w)
{
    const struct clock *clock = w->state.clock;

    w->seconds = (double)(clock->mono_ns(clock) - w->start_ns) / 1e9;
    w->gather->done(w->gather->done_arg);
}

/* Sets state.why. With more than one request the words say which. */
static bool judge(struct web *w, size_t i, struct budget *budget)
{
    struct web_step *step = &w->steps[i];
    const struct fetch_result *result = fetch_result(step->fetch);
    struct err *why = &w->state.why;

    err_clear(why);
    w->by_regex = false;
    if (result->status == 0)
        *why = result->err;
    else if (judge_status(step->judge, result->status, why) == 0 &&
             judge_body(step->judge, result->body, budget, &w->by_regex, why) == 0)
        return true;
    if (settings_of(w)->steps_n > 1)
        (void)err_context(why, "request %zu (%.100s)", i + 1, settings_of(w)->steps[i].path);
    return false;
}

/* ---- on the loop ---- */

static void ask(struct web *w);

static void on_fetched(struct fetch *f, void *arg)
{
    struct web *w = arg;
    struct web_step *step = &w->steps[w->at];

    step->fetch = f; /* set already, unless it ended within fetch_start */
    step->ended = true;
    if (is_last(w)) {
        end(w);
        return;
    }
    step->good = judge(w, w->at, NULL);
    if (!step->good) {
        end(w);
        return;
    }
    w->at++;
    ask(w);
}

static int64_t left_ms(const struct web *w)
{
    int64_t spent_ns = w->state.clock->mono_ns(w->state.clock) - w->start_ns;

    return w->gather->timeout_ms - spent_ns / 1000000;
}

static void ask(struct web *w)
{
    const struct probe_step *s = &settings_of(w)->steps[w->at];
    struct web_step *step = &w->steps[w->at];
    const char *const headers[] = {"User-Agent: earshot", s->content_type};
    const struct fetch_request request = {
        .url = s->url,
        .method = s->method,
        .headers = headers,
        .headers_n = s->content_type ? 2 : 1,
        .body = s->body,
        .timeout_ms = left_ms(w),
        .body_max = is_last(w) ? BODY_MAX : EARLIER_BODY_MAX,
        .client = w->gather->client,
        .traced = true,
        .cookies_of = w->at ? fetch_result(w->steps[w->at - 1].fetch)->trace : NULL,
        .done = on_fetched,
        .arg = w,
    };

    if (request.timeout_ms <= 0)
        (void)err_set(&w->state.why, ERR_TIMEOUT, "timeout after %g s, before request %zu",
                      (double)w->gather->timeout_ms / 1000, w->at + 1);
    else if (fetch_start(w->gather->fetcher, &request, &step->fetch, &w->state.why) == 0)
        return;
    end(w);
}

static void let_go(struct web *w)
{
    for (size_t i = 0; i < settings_of(w)->steps_n; i++) {
        struct web_step *step = &w->steps[i];

        if (step->fetch && step->ended)
            fetch_free(step->fetch);
        else if (step->fetch)
            fetch_cancel(step->fetch);
        *step = (struct web_step){.judge = step->judge};
    }
}

static void begin(void *arg, const struct gather *g)
{
    struct web *w = arg;

    let_go(w);
    err_clear(&w->state.why);
    w->gather = g;
    w->at = 0;
    w->by_regex = false;
    w->start_ns = w->state.clock->mono_ns(w->state.clock);
    ask(w);
}

static void cancel(void *arg)
{
    let_go(arg);
}

static const char *settle(void *arg)
{
    struct web *w = arg;

    let_go(w);
    return probe_settle(&w->state);
}

/* ---- on the lane ---- */

static void tell_tls(struct tell *t, const struct web *w, const struct fetch_trace *trace)
{
    const struct label version = {STR("version"), str_c(trace->tls_version)};
    const struct label cipher = {STR("cipher"), str_c(trace->cipher)};
    const struct label info[] = {{STR("fingerprint_sha256"), str_c(trace->fingerprint)},
                                 {STR("issuer"), str_c(trace->issuer)},
                                 {STR("serialnumber"), str_c(trace->serial)},
                                 {STR("subject"), str_c(trace->subject)},
                                 {STR("subjectalternative"), str_c(trace->names)}};

    tell_gauge(t, "probe_ssl_earliest_cert_expiry",
               "When the first of the certificates that were sent ends, Unix time.",
               (double)trace->earliest_expiry);
    if (trace->chain_expiry)
        tell_gauge(t, "probe_ssl_last_chain_expiry_timestamp_seconds",
                   "When the first certificate of the verified chain ends, Unix time.",
                   (double)trace->chain_expiry);
    tell_family(t, "probe_ssl_last_chain_info", "The service's certificate; 1.");
    tell_sample(t, "probe_ssl_last_chain_info", info, ARRAY_LEN(info), 1);
    tell_family(t, "probe_tls_version_info", "Version of TLS in use; 1.");
    tell_sample(t, "probe_tls_version_info", &version, 1, 1);
    tell_family(t, "probe_tls_cipher_info", "Cipher in use; 1.");
    tell_sample(t, "probe_tls_cipher_info", &cipher, 1, 1);
    tell_gauge(t, "earshot_probe_tls_expiry_limit_seconds",
               "How long before its end a certificate should be told of (tls_expiry).",
               (double)settings_of(w)->tls_expiry_ms / 1000);
}

static void tell_http(struct tell *t, const struct fetch_trace *sum,
                      const struct fetch_result *last)
{
    static const struct fetch_trace none = {.content_length = 0, .last_modified = -1};
    const struct fetch_trace *trace = last ? last->trace : &none;

    tell_phases(t, "probe_http_duration_seconds",
                "How long each part of the requests took, over all redirects.",
                (const struct tell_phase[]){{"connect", sum->connect_s},
                                            {"processing", sum->processing_s},
                                            {"resolve", sum->resolve_s},
                                            {"tls", sum->tls_s},
                                            {"transfer", sum->transfer_s}},
                5);
    tell_gauge(t, "probe_http_content_length", "Content-Length of the answer; -1: not told.",
               (double)trace->content_length);
    tell_gauge(t, "probe_http_uncompressed_body_length", "Bytes of the body, decoded.",
               last ? (double)last->body.n : 0);
    tell_gauge(t, "probe_http_redirects", "Redirects that were followed.", sum->redirects);
    tell_gauge(t, "probe_http_ssl", "1 when the last answer came by TLS.", trace->tls);
    tell_gauge(t, "probe_http_status_code", "HTTP status of the answer; 0: there was none.",
               last ? last->status : 0);
    tell_gauge(t, "probe_http_version", "Version of HTTP in the answer.", trace->http_version);
    if (trace->last_modified >= 0)
        tell_gauge(t, "probe_http_last_modified_timestamp_seconds",
                   "Last-Modified of the answer, Unix time.", (double)trace->last_modified);
}

/* Times and redirects of all requests together. */
static struct fetch_trace sum_of(const struct web *w)
{
    struct fetch_trace sum = {.last_modified = -1};

    for (size_t i = 0; i <= w->at && w->steps[i].fetch; i++) {
        const struct fetch_trace *t = fetch_result(w->steps[i].fetch)->trace;

        sum.resolve_s += t->resolve_s;
        sum.connect_s += t->connect_s;
        sum.tls_s += t->tls_s;
        sum.processing_s += t->processing_s;
        sum.transfer_s += t->transfer_s;
        sum.redirects += t->redirects;
        if (!sum.ip[0])
            memcpy(sum.ip, t->ip, sizeof sum.ip);
    }
    return sum;
}

/* All steps are there each time; one that was not come to is no success. */
static void tell_steps(struct tell *t, const struct web *w)
{
    static const char *const names[] = {"earshot_probe_step_success",
                                        "earshot_probe_step_duration_seconds"};
    static const char *const helps[] = {"1 when the answer to this request was as expected.",
                                        "How long this request took; 0: it was not sent."};

    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        tell_family(t, names[k], helps[k]);
        for (size_t i = 0; i < settings_of(w)->steps_n; i++) {
            const struct web_step *step = &w->steps[i];
            char number[24];
            const struct label labels[] = {
                {STR("path"), str_c(settings_of(w)->steps[i].path)},
                {STR("step"),
                 (struct str){number, (size_t)snprintf(number, sizeof number, "%zu", i + 1)}}};

            tell_sample(t, names[k], labels, 2,
                        k == 0        ? step->good
                        : step->fetch ? fetch_result(step->fetch)->seconds
                                      : 0);
        }
    }
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct web *w = arg;
    struct web_step *step = &w->steps[w->at];
    struct tell t = {.emit = emit, .err = err};
    const struct fetch_result *last = step->fetch ? fetch_result(step->fetch) : NULL;
    struct fetch_trace sum = sum_of(w);

    if (last && is_last(w))
        step->good = judge(w, w->at, scratch->budget);
    tell_place(&t, sum.resolve_s, sum.ip);
    tell_http(&t, &sum, last);
    tell_regex(&t, w->by_regex);
    if (last && last->trace->tls)
        tell_tls(&t, w, last->trace);
    if (settings_of(w)->steps_n > 1)
        tell_steps(&t, w);
    tell_result(&t, is_last(w) && step->good, w->seconds);
    return t.rc;
}

/* ---- life ---- */

static void free_web(void *arg)
{
    struct web *w = arg;

    let_go(w);
    for (size_t i = 0; i < settings_of(w)->steps_n; i++)
        judge_free(w->steps[i].judge);
    mem_free(w->steps);
    mem_free(w);
}

int probe_web(const struct probe_state *state, struct collector *out, struct err *err)
{
    const struct probe_settings *s = state->settings;
    struct web *w = mem_new(struct web);

    w->state = *state;
    w->steps = mem_new_array(struct web_step, s->steps_n);
    for (size_t i = 0; i < s->steps_n; i++) {
        if (judge_new(&s->steps[i].expect, &w->steps[i].judge, err) < 0) {
            free_web(w);
            return -1;
        }
    }
    *out = (struct collector){.name = s->name,
                              .collect = collect,
                              .begin = begin,
                              .cancel = cancel,
                              .settle = settle,
                              .free = free_web,
                              .arg = w};
    return 0;
}
