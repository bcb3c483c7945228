/* test_entry_json SAMPLES: an entry of collect.json from its YAML to the series of an answer. */
#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/json/collector.h"
#include "config/config.h"
#include "model/emit.h"
#include "model/expo.h"

static const char *samples;

/* One entry, with what it has said. */
struct fixture {
    struct config *config;
    struct collector collector;
    struct json_counts counts;
    struct manual_clock clock;
    struct log log;
    struct buf told, out;
    struct err err;
};

static void keep_line(struct log *log, enum log_level level, const char *part, const char *text)
{
    struct fixture *f = CONTAINER_OF(log, struct fixture, log);

    (void)level, (void)part;
    buf_adds(&f->told, text);
    buf_addc(&f->told, '\n');
}

static int load(const char *entry, struct config **out, struct err *first)
{
    char path[] = "/tmp/earshot-json-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    struct err *errors = NULL;
    size_t n = 0;
    int rc;

    assert_non_null(file);
    assert_true(fprintf(file, "collect: {json: [%s]}\n", entry) > 0);
    assert_int_equal(fclose(file), 0);
    rc = config_load(path, NULL, NULL, out, &errors, &n);
    if (rc < 0)
        *first = errors[0];
    mem_free(errors);
    assert_int_equal(unlink(path), 0);
    return rc;
}

static void start(struct fixture *f, const char *metrics)
{
    char entry[2000];

    *f = (struct fixture){.log = {keep_line, LOG_DEBUG}};
    (void)snprintf(entry, sizeof entry, "{name: x, url: 'http://127.0.0.1:1/x', %s}", metrics);
    assert_ok(load(entry, &f->config, &f->err), f->err);
    assert_int_equal(f->config->entries_n, 1);
    manual_clock_init(&f->clock, INT64_C(1705374075000));
    assert_ok(json_collector_make(f->config->entries[0].own, &f->clock.clock, &f->log, &f->counts,
                                  &f->collector, &f->err),
              f->err);
}

static void end(struct fixture *f)
{
    f->collector.free(f->collector.arg);
    config_free(f->config);
    buf_fini(&f->told);
    buf_fini(&f->out);
}

static enum parsed read_body(struct fixture *f, int status, struct str body)
{
    SCOPED(arena_fini) struct arena scratch;
    struct expo_writer w;

    arena_init(&scratch, NULL);
    buf_reset(&f->out);
    expo_writer_init(&w, EXPO_TEXT, &f->out);
    return f->collector.parse(f->collector.arg, status, body, &w.emit, &scratch, &f->err);
}

/* The samples of an answer, without the lines of their families. */
static void assert_series(struct fixture *f, const char *body, const char *expected)
{
    SCOPED(buf_fini) struct buf kept = {0};
    struct str left;

    assert_ok(read_body(f, 200, str_c(body)), f->err);
    left = buf_str(&f->out);
    while (left.n) {
        struct str line = str_split(&left, '\n');

        if (line.n && line.p[0] != '#') {
            buf_add(&kept, line);
            buf_addc(&kept, '\n');
        }
    }
    buf_addc(&kept, '\0');
    assert_string_equal(kept.p, expected);
}

static void assert_mapped(const char *metrics, const char *body, const char *expected)
{
    struct fixture f;

    start(&f, metrics);
    assert_series(&f, body, expected);
    end(&f);
}

/* ---- the samples ---- */

static void assert_sample(const char *metrics, const char *name, const char *expected)
{
    char path[300], *body = calloc(1, 10000);
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", samples, name);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(body, 1, 9999, file) > 0);
    assert_int_equal(fclose(file), 0);
    assert_mapped(metrics, body, expected);
    free(body);
}

static void a_sound_box_tells_its_state(void **state)
{
    (void)state;
    assert_sample("metrics: {soundbox_queue_length: queue_length, "
                  "soundbox_gpu_available: gpu.available, "
                  "soundbox_gpu_memory_used_bytes: {path: gpu.memory_used_gb, unit: GB}, "
                  "soundbox_gpu_info: {path: gpu.name, label: name}, "
                  "soundbox_model_state: {path: models.*, labels: {model: $1}, "
                  "states: [ready, loading, unloaded, error]}, "
                  "soundbox_estimated_wait_seconds: {path: estimated_wait.*, labels: {model: $1}}}",
                  "soundbox-status.json",
                  "soundbox_queue_length 0\n"
                  "soundbox_gpu_available 1\n"
                  "soundbox_gpu_memory_used_bytes 4.5097156608e+09\n"
                  "soundbox_gpu_info{name=\"NVIDIA GeForce RTX 4090\"} 1\n"
                  "soundbox_model_state{model=\"music\",state=\"ready\"} 1\n"
                  "soundbox_model_state{model=\"music\",state=\"loading\"} 0\n"
                  "soundbox_model_state{model=\"music\",state=\"unloaded\"} 0\n"
                  "soundbox_model_state{model=\"music\",state=\"error\"} 0\n"
                  "soundbox_model_state{model=\"audio\",state=\"ready\"} 1\n"
                  "soundbox_model_state{model=\"audio\",state=\"loading\"} 0\n"
                  "soundbox_model_state{model=\"audio\",state=\"unloaded\"} 0\n"
                  "soundbox_model_state{model=\"audio\",state=\"error\"} 0\n"
                  "soundbox_model_state{model=\"magnet\",state=\"ready\"} 0\n"
                  "soundbox_model_state{model=\"magnet\",state=\"loading\"} 0\n"
                  "soundbox_model_state{model=\"magnet\",state=\"unloaded\"} 1\n"
                  "soundbox_model_state{model=\"magnet\",state=\"error\"} 0\n"
                  "soundbox_model_state{model=\"tts\",state=\"ready\"} 1\n"
                  "soundbox_model_state{model=\"tts\",state=\"loading\"} 0\n"
                  "soundbox_model_state{model=\"tts\",state=\"unloaded\"} 0\n"
                  "soundbox_model_state{model=\"tts\",state=\"error\"} 0\n"
                  "soundbox_estimated_wait_seconds{model=\"music\"} 0\n"
                  "soundbox_estimated_wait_seconds{model=\"audio\"} 0\n");
    assert_sample("metrics: {soundbox_jobs: {path: jobs.*, count_by: [model, status]}, "
                  "soundbox_job_active: {path: current_job, present: true}, "
                  "soundbox_oldest_job_age_seconds: {path: jobs.*, first_seen: .id, "
                  "where: {status: 'queued|processing'}}}",
                  "soundbox-queue-status.json",
                  "soundbox_jobs{model=\"music\",status=\"processing\"} 1\n"
                  "soundbox_job_active 1\n"
                  "soundbox_oldest_job_age_seconds 0\n");
    assert_sample("timezone: UTC, metrics: {enabled: enabled, count: backup_count, "
                  "date: {path: latest_backup_date, time: iso}, "
                  "last: {path: last_backup.time, time: iso}, "
                  "age: {path: last_backup.time, time: iso, age: true}, "
                  "ok: {path: last_backup.status, where: {last_backup.status: success}, "
                  "count_by: []}}",
                  "soundbox-backup-status.json",
                  "enabled 1\ncount 18\ndate 1.7053632e+09\nlast 1.705374015e+09\nage 60\nok 1\n");
    assert_sample("timezone: Europe/Berlin, metrics: {last: {path: last_backup.time, time: iso}}",
                  "soundbox-backup-status.json", "last 1.705370415e+09\n");
}

static void other_services_tell_theirs(void **state)
{
    (void)state;
    assert_sample("metrics: {circuit: {path: circuit_breaker_state, "
                  "states: [CLOSED, OPEN, HALF_OPEN]}, models: models_loaded_count, "
                  "sessions: active_sessions, opened: circuit_breaker.last_opened, "
                  "gpu: system.gpu, loaded: {path: 'models_loaded.*', label: model}}",
                  "music-separator-health.json",
                  "circuit{state=\"CLOSED\"} 1\ncircuit{state=\"OPEN\"} 0\n"
                  "circuit{state=\"HALF_OPEN\"} 0\nmodels 2\nsessions 3\n"
                  "loaded{model=\"htdemucs\"} 1\nloaded{model=\"htdemucs_6s\"} 1\n");
    assert_sample("metrics: {running: {path: 'queue_running.*', count_by: []}, "
                  "pending: {path: 'queue_pending.*', count_by: []}, "
                  "age: {path: 'queue_pending.*', first_seen: '.[1]'}}",
                  "comfyui-queue.json", "running 1\npending 2\nage 0\n");
    assert_sample("metrics: {total: {path: 'devices.*.vram_total', labels: {device: .index}}, "
                  "free: {path: 'devices.*.vram_free', labels: {device: .index}}}",
                  "comfyui-system_stats.json",
                  "total{device=\"0\"} 2.538635264e+10\nfree{device=\"0\"} 1.610612736e+10\n");
    assert_sample("metrics: {models: {path: 'models.*', count_by: []}, "
                  "vram: {path: 'models.*.size_vram', labels: {model: .name}}, "
                  "expires: {path: 'models.*.expires_at', time: iso, labels: {model: .name}}}",
                  "ollama-ps.json",
                  "models 2\nvram{model=\"qwen2.5:7b\"} 6.65428992e+09\n"
                  "vram{model=\"nomic-embed-text:latest\"} 0\n"
                  "expires{model=\"qwen2.5:7b\"} 1.7410939123719049e+09\n"
                  "expires{model=\"nomic-embed-text:latest\"} 1.099588543251287e+10\n");
}

/* ---- values ---- */

static void numbers_may_be_texts_and_booleans(void **state)
{
    (void)state;
    assert_mapped("metrics: {a: a, b: b, c: c, d: {path: d, unit: ms}, e: {path: e, scale: 60}}",
                  "{\"a\": \" 12.5 \", \"b\": true, \"c\": -3, \"d\": 1500, \"e\": 2}",
                  "a 12.5\nb 1\nc -3\nd 1.5\ne 120\n");
    assert_mapped("metrics: {a: {path: a, time: unix}, b: {path: b, time: unix_ms}, "
                  "c: {path: c, unit: percent}}",
                  "{\"a\": 1705374015, \"b\": \"1705374015500\", \"c\": 17.5}",
                  "a 1.705374015e+09\nb 1.7053740155e+09\nc 17.5\n");
    assert_mapped("metrics: {a: {path: a, unit: ms}, b: {path: b, unit: ns}}",
                  "{\"a\": 9, \"b\": 250}", "a 0.009\nb 2.5e-07\n"); /* and not a bit more */
}

static void what_is_missing_or_null_gives_no_sample(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "metrics: {a: a, b: b.c, n: {path: list.*, count_by: []}, "
              "s: {path: s, states: [x]}, p: {path: p, present: true}, "
              "q: {path: b.c, present: true}, m: {path: s, count_by: []}}");
    assert_series(&f, "{\"a\": null, \"list\": null, \"s\": null}", "p 0\nq 0\n");
    assert_series(&f, "{\"b\": {\"c\": 0}, \"list\": []}", "b 0\nn 0\np 0\nq 1\n");
    assert_int_equal(f.counts.values_invalid, 0);
    end(&f);
}

static void what_is_of_the_wrong_kind_is_told_once_and_counted(void **state)
{
    static const char body[] = "{\"a\": \"17.5%\", \"b\": [1], \"c\": 3, \"t\": \"soon\"}";
    struct fixture f;

    (void)state;
    start(&f, "metrics: {a: a, b: b, c: c, t: {path: t, time: iso}}");
    assert_series(&f, body, "c 3\n");
    assert_series(&f, body, "c 3\n");
    assert_int_equal(f.counts.values_invalid, 6);
    buf_addc(&f.told, '\0');
    assert_string_equal(
        f.told.p,
        "x: no sample of a: at a stands \"17.5%\", which is no number; further values like it are "
        "counted in earshot_json_values_invalid_total\n"
        "x: no sample of b: at b stands \"a list\", which is no number; further values like it are "
        "counted in earshot_json_values_invalid_total\n"
        "x: no sample of t: at t stands \"soon\", which is no time like 2024-01-16T03:00:15; "
        "further values like it are counted in earshot_json_values_invalid_total\n");
    end(&f);
}

static void a_state_that_is_not_listed_is_unknown(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "metrics: {s: {path: s, states: [ready, error]}}");
    assert_series(&f, "{\"s\": \"error\"}", "s{state=\"ready\"} 0\ns{state=\"error\"} 1\n");
    assert_series(&f, "{\"s\": \"asleep\"}",
                  "s{state=\"ready\"} 0\ns{state=\"error\"} 0\ns{state=\"unknown\"} 1\n");
    end(&f);
}

static void labels_come_from_keys_indexes_fields_and_texts(void **state)
{
    (void)state;
    assert_mapped("metrics: {a: {path: 'q.*.jobs.*.n', "
                  "labels: {queue: $1, at: $2, who: .user.name, kind: job, none: .x}}}",
                  "{\"q\": {\"gpu\": {\"jobs\": [{\"n\": 1, \"user\": {\"name\": \"eve\"}}, "
                  "{\"n\": 2}]}}}",
                  "a{queue=\"gpu\",at=\"0\",who=\"eve\",kind=\"job\",none=\"\"} 1\n"
                  "a{queue=\"gpu\",at=\"1\",who=\"\",kind=\"job\",none=\"\"} 2\n");
}

/* ---- elements ---- */

static void elements_are_counted_with_zeros_for_what_was_there(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "metrics: {jobs: {path: 'jobs.*', count_by: [model, status], "
              "where: {status: 'queued|running'}}}");
    assert_series(&f,
                  "{\"jobs\": [{\"model\": \"a\", \"status\": \"queued\"}, "
                  "{\"model\": \"a\", \"status\": \"queued\"}, "
                  "{\"model\": \"b\", \"status\": \"done\"}]}",
                  "jobs{model=\"a\",status=\"queued\"} 2\n");
    assert_series(
        &f, "{\"jobs\": [{\"model\": \"a\", \"status\": \"running\"}]}",
        "jobs{model=\"a\",status=\"queued\"} 0\njobs{model=\"a\",status=\"running\"} 1\n");
    assert_series(&f, "{}", "");
    assert_series(
        &f, "{\"jobs\": []}",
        "jobs{model=\"a\",status=\"queued\"} 0\njobs{model=\"a\",status=\"running\"} 0\n");
    end(&f);
}

static void the_oldest_job_has_the_age_of_its_id(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "metrics: {age: {path: 'jobs.*', first_seen: .id, where: {status: queued}}, "
              "current: {path: current, first_seen: .current}}");
    assert_series(&f, "{\"jobs\": [], \"current\": null}", "age 0\ncurrent 0\n");
    assert_series(&f, "{\"jobs\": null}", "");
    assert_series(&f, "{\"jobs\": [{\"id\": 1, \"status\": \"queued\"}], \"current\": \"j\"}",
                  "age 0\ncurrent 0\n");
    manual_clock_advance(&f.clock, 90000);
    assert_series(&f,
                  "{\"jobs\": [{\"id\": 1, \"status\": \"queued\"}, "
                  "{\"id\": 2, \"status\": \"queued\"}], \"current\": \"j\"}",
                  "age 90\ncurrent 90\n");
    manual_clock_advance(&f.clock, 10000);
    assert_series(&f,
                  "{\"jobs\": [{\"id\": 1, \"status\": \"done\"}, "
                  "{\"id\": 2, \"status\": \"queued\"}], \"current\": \"k\"}",
                  "age 10\ncurrent 0\n");
    end(&f);
}

static void each_id_is_counted_once(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "metrics: {failed_total: {path: 'jobs.*', once: .id, "
              "where: {status: 'failed|error'}, labels: {model: .model}}}");
    assert_series(&f,
                  "{\"jobs\": [{\"id\": 1, \"model\": \"a\", \"status\": \"failed\"}, "
                  "{\"id\": 2, \"model\": \"b\", \"status\": \"queued\"}]}",
                  "failed_total{model=\"a\"} 0\nfailed_total{model=\"b\"} 0\n");
    assert_non_null(strstr(f.out.p, "# TYPE failed_total counter\n"));
    for (int i = 0; i < 2; i++)
        assert_series(&f,
                      "{\"jobs\": [{\"id\": 1, \"model\": \"a\", \"status\": \"failed\"}, "
                      "{\"id\": 2, \"model\": \"b\", \"status\": \"error\"}]}",
                      "failed_total{model=\"a\"} 0\nfailed_total{model=\"b\"} 1\n");
    assert_series(&f, "{\"jobs\": []}",
                  "failed_total{model=\"a\"} 0\nfailed_total{model=\"b\"} 1\n");
    end(&f);
}

/* ---- answers ---- */

static void an_answer_that_cannot_be_used_says_why(void **state)
{
    static const struct {
        const char *body, *words;
        enum parsed parsed;
    } bad[] = {
        {" \n", "the answer is empty", PARSED_NOT},
        {"<html>", "not JSON", PARSED_NOT},
        {"<html>", "begins with: <html>", PARSED_NOT},
        {"{\"a\": NaN}", "line 1, column 9", PARSED_NOT},
        {"[1]", "the answer is a JSON list; no path of the mapping begins in one", PARSED_NOT},
        {"\"fine\"", "the answer is a JSON text", PARSED_NOT},
        {"7", "a single JSON value", PARSED_NOT},
        {"{\"a\": 1, \"status\": \"sick\"}", "status is \"sick\"; expected \"healthy\"",
         PARSED_UNWELL},
        {"{\"a\": 1}", "status is not there; expected \"healthy\"", PARSED_UNWELL},
        {"{\"a\": 1, \"status\": null}", "status is null; expected \"healthy\"", PARSED_UNWELL},
        {"{\"status\": \"healthy\", \"n\": 12}", "n is \"12\"; expected \"[0-9]\"", PARSED_UNWELL}};
    struct fixture f;

    (void)state;
    start(&f, "metrics: {a: a}, expect: [{path: status, equals: healthy}, "
              "{path: n, matches: '[0-9]'}]");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(read_body(&f, 200, str_c(bad[i].body)), bad[i].parsed);
        if (!strstr(f.err.text, bad[i].words))
            fail_msg("\"%s\" is not in \"%s\"", bad[i].words, f.err.text);
    }
    assert_series(&f, "{\"a\": 1, \"status\": \"healthy\", \"n\": 7}", "a 1\n");
    end(&f);
}

static void an_entry_may_say_only_what_is_expected(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "expect: [{path: status, equals: healthy}]");
    assert_int_equal(read_body(&f, 200, STR("{\"status\": \"healthy\"}")), PARSED);
    assert_int_equal(read_body(&f, 200, STR("{\"status\": \"sick\"}")), PARSED_UNWELL);
    assert_int_equal(read_body(&f, 200, STR("[]")), PARSED_NOT);
    end(&f);
}

static void an_error_is_read_when_it_says_what_the_mapping_asks_for(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "metrics: {healthy: {path: status, where: {status: healthy}, count_by: []}, "
              "rtf: rtf, there: {path: status, present: true}}");
    assert_int_equal(read_body(&f, 503, STR("{\"status\": \"ill\", \"rtf\": 1.5}")), PARSED);
    assert_non_null(strstr(f.out.p, "\nhealthy 0\n"));
    assert_non_null(strstr(f.out.p, "\nrtf 1.5\n"));
    assert_int_equal(read_body(&f, 404, STR("{\"detail\": \"Not Found\"}")), PARSED_NOT);
    end(&f);
}

/* ---- mistakes ---- */

static void a_mistake_in_a_mapping_is_named_where_it_stands(void **state)
{
    static const struct {
        const char *metrics, *words;
        unsigned column;
    } bad[] = {
        {"a: 'b..c'", "expected a name", 56},
        {"a: .b", "without a dot", 53},
        {"a: {}", "expected a path like a.b", 50},
        {"1a: b", "no name of a metric", 50},
        {"a: {path: b, unti: GB}", "did you mean \"unit\"?", 63},
        {"a: {path: b, unit: XB}", "found \"XB\"", 69},
        {"a: {path: b, unit: GB, scale: 2}", "unit and scale exclude one another", 80},
        {"a: {path: b, label: x, states: [y]}", "states and label exclude", 70},
        {"a: {path: b, labels: {m: $1}}", "\"b\" has 0", 75},
        {"a: {path: 'b.*', labels: {m: $x}}", "$1 to $9, .field or a text", 79},
        {"a: {path: 'b.*', labels: {'m-n': x}}", "no name of a label", 76},
        {"a: {path: 'b.*', labels: {m: '.x.*'}}", "leads to many values", 79},
        {"a: {path: 'b.*', count_by: [x.y, z.y]}", "\"y\" is given twice", 53},
        {"a: {path: 'b.*', states: [x], labels: {state: x}}", "\"state\" is given twice", 53},
        {"a: {path: 'b.*', where: {x: '('}}", "missing", 78},
        {"a: {path: b, time: soon}", "iso, unix or unix_ms", 69},
        {"a: {path: b, age: true}", "age needs time", 68},
        {"a: {path: 'b.*', once: id}", "like .id", 73},
        {"a: {path: 'b.*', once: .id, type: gauge}", "once makes a counter", 84},
        {"a: {path: b, type: histogram}", "gauge or counter", 69},
        {"a: {path: b, states: []}", "expected a list like", 71},
        {"a: {path: b, states: [x, x]}", "given twice", 75},
        {"a: {path: b, states: [unknown]}", "any other is", 72},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct config *c = NULL;
        struct err err = {0};
        char entry[300], line[600];

        (void)snprintf(entry, sizeof entry, "{url: 'http://h:1/x', metrics: {%s}}", bad[i].metrics);
        assert_int_equal(load(entry, &c, &err), -1);
        if (!strstr(err.text, bad[i].words) || err.at.line != 1 || err.at.column != bad[i].column)
            fail_msg("%s: expected \"%s\" in column %u: %s", bad[i].metrics, bad[i].words,
                     bad[i].column, err_format(&err, line, sizeof line));
    }
}

static void an_entry_needs_a_url_and_metrics(void **state)
{
    struct config *c = NULL;
    struct err err = {0};

    (void)state;
    assert_fails(load("{name: x, metrics: {a: b}}", &c, &err), err, ERR_TYPE, "either url or file");
    assert_fails(load("{url: 'http://h/x'}", &c, &err), err, ERR_TYPE, "needs metrics, or expect");
    assert_fails(load("{url: 'http://h/x', method: post, metrics: {a: b}}", &c, &err), err,
                 ERR_TYPE, "method: expected GET, HEAD, POST");
    assert_fails(load("{url: 'http://h/x', metrics: {a: b}, expect: [{path: a}]}", &c, &err), err,
                 ERR_TYPE, "one of equals and matches");
}

static void keys_that_make_no_sense_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"{url: 'http://h/x', file: f, metrics: {a: b}}", "either url or file, not both"},
        {"{url: 'http://h/x', follow: true, metrics: {a: b}}", "follow belongs to file"},
        {"{url: 'http://h/x', time: t, metrics: {a: b}}", "time belongs to file"},
        {"{url: 'http://h/x', timezone: Europe/Berlni, metrics: {a: b}}",
         "timezone: no zone \"Europe/Berlni\""},
        {"{url: 'http://h/x', timezone: ../passwd, metrics: {a: b}}", "no zone \"../passwd\""},
        {"{url: 'http://h/x', timezone: zone.tab, metrics: {a: b}}", "no zone \"zone.tab\""},
        {"{url: 'http://h/x', timezone: Europe, metrics: {a: b}}", "no zone \"Europe\""},
        {"{file: f, method: POST, metrics: {a: b}}", "method belongs to url"},
        {"{file: f, time: 't.*', metrics: {a: b}}", "leads to many values"},
        {"{file: f, metrics: {a: b}, expect: [{path: a, equals: b}]}", "follow: false"}};
    struct config *c = NULL;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_fails(load(bad[i][0], &c, &err), err, ERR_TYPE, bad[i][1]);
}

/* ---- files ---- */

/* Samples of a collector of a file, as "name value @time" or "name value". */
struct rows {
    struct emit emit;
    struct buf text;
    size_t n;
};

static int keep_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e, (void)family, (void)err;
    return 0;
}

static int keep_row(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct rows *r = CONTAINER_OF(e, struct rows, emit);

    (void)err;
    r->n++;
    buf_addf(&r->text, s->has_ts ? "%.*s %g @%lld\n" : "%.*s %g\n", STR_ARGS(s->name), s->value,
             (long long)s->ts);
    return 0;
}

static void collect_file(struct fixture *f, struct rows *out)
{
    SCOPED(arena_fini) struct arena scratch;

    *out = (struct rows){.emit = {.family = keep_family, .sample = keep_row}};
    arena_init(&scratch, NULL);
    assert_ok(f->collector.collect(f->collector.arg, &out->emit, &scratch, &f->err), f->err);
}

static void start_file(struct fixture *f, const char *name, const char *rest)
{
    char entry[2000];

    *f = (struct fixture){.log = {keep_line, LOG_DEBUG}};
    (void)snprintf(entry, sizeof entry, "{name: x, file: '%s/%s', %s}", samples, name, rest);
    assert_ok(load(entry, &f->config, &f->err), f->err);
    assert_null(f->config->entries[0].instance);
    manual_clock_init(&f->clock, INT64_C(1705374075000));
    assert_ok(json_collector_make(f->config->entries[0].own, &f->clock.clock, &f->log, &f->counts,
                                  &f->collector, &f->err),
              f->err);
    assert_non_null(f->collector.hangs_on);
}

static void lines_give_samples_of_their_own_times(void **state)
{
    static const char first[] = "memory 1875.95 @1741075201199\njobs 4 @1741075201199\n"
                                "pending 12 @1741075201199\nmemory 1906.35 @1741075260095\n";
    struct fixture f;
    struct rows rows;

    (void)state;
    start_file(&f, "document-hub-metrics.jsonl",
               "timezone: UTC, time: timestamp, metrics: {memory: resources.memory_mb, "
               "jobs: resources.active_jobs, pending: queues.llm_tasks.pending}");
    collect_file(&f, &rows);
    assert_memory_equal(rows.text.p, first, sizeof first - 1);
    assert_int_equal(f.counts.lines_invalid, 1); /* 30 of 31 */
    assert_int_equal(rows.n, 3 * 30 - 2);
    buf_fini(&rows.text);
    collect_file(&f, &rows);
    assert_int_equal(rows.n, 0);
    buf_fini(&rows.text);
    end(&f);
}

static void without_a_time_the_last_line_is_what_holds(void **state)
{
    struct fixture f;
    struct rows rows;

    (void)state;
    start_file(&f, "document-hub-metrics.jsonl", "metrics: {memory: resources.memory_mb}");
    for (int i = 0; i < 2; i++) {
        collect_file(&f, &rows);
        assert_string_equal(rows.text.p, "memory 1200.5\n");
        buf_fini(&rows.text);
    }
    end(&f);
}

static void a_file_with_one_value_is_read_anew_each_time(void **state)
{
    struct fixture f;
    struct rows rows;

    (void)state;
    start_file(&f, "soundbox-backup-status.json",
               "follow: false, timezone: UTC, metrics: {count: backup_count}");
    for (int i = 0; i < 2; i++) {
        collect_file(&f, &rows);
        assert_string_equal(rows.text.p, "count 18\n");
        buf_fini(&rows.text);
    }
    end(&f);
    start_file(
        &f, "soundbox-backup-status.json",
        "follow: false, time: last_backup.time, timezone: UTC, metrics: {count: backup_count}");
    collect_file(&f, &rows);
    assert_string_equal(rows.text.p, "count 18 @1705374015000\n");
    buf_fini(&rows.text);
    end(&f);
}

static void an_entry_is_named_after_its_address(void **state)
{
    static const struct {
        const char *url, *instance;
    } good[] = {{"http://a:81/x", "a:81"},
                {"https://a/x", "a:443"},
                {"http://u:p@a?x", "a:80"},
                {"http://[::1]/x", "[::1]:80"},
                {"http://[::1]:7", "[::1]:7"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char entry[300];
        struct config *c = NULL;
        struct err err = {0};

        (void)snprintf(entry, sizeof entry, "{url: '%s', metrics: {a: b}}", good[i].url);
        assert_ok(load(entry, &c, &err), err);
        assert_string_equal(c->entries[0].instance, good[i].instance);
        assert_string_equal(c->entries[0].name, good[i].instance);
        assert_string_equal(c->entries[0].job.name, good[i].instance);
        config_free(c);
    }
}

static void numbers_of_unknown_keys_have_joined_names(void **state)
{
    (void)state;
    assert_mapped(
        "metrics: {hub: {path: q, leaves: true, labels: {a: b}}}",
        "{\"q\": {\"tasks\": {\"in use\": 12, \"ok\": true}, \"done\": \"3.5\", \"name\": \"x\", "
        "\"list\": [1], \"none\": null}}",
        "hub_tasks_in_use{a=\"b\"} 12\nhub_tasks_ok{a=\"b\"} 1\nhub_done{a=\"b\"} 3.5\n");
    assert_mapped("metrics: {hub: {path: q, leaves: true}}", "{\"q\": 1}", "");
}

static void leaves_are_bounded_in_number_and_depth(void **state)
{
    SCOPED(buf_fini) struct buf body = {0};
    struct fixture f;
    size_t lines = 0;

    (void)state;
    buf_adds(&body, "{\"q\": {");
    for (int i = 0; i < 600; i++)
        buf_addf(&body, "\"k%d\": 1, ", i);
    for (int i = 0; i < 20; i++)
        buf_adds(&body, "\"deep\": {");
    buf_adds(&body, "\"x\": 1");
    for (int i = 0; i < 22; i++)
        buf_adds(&body, "}");
    start(&f, "metrics: {hub: {path: q, leaves: true}}");
    assert_int_equal(read_body(&f, 200, buf_str(&body)), PARSED);
    for (size_t i = 0; i < f.out.n; i++)
        lines += str_starts(str_skip(buf_str(&f.out), i), STR("\nhub_k"));
    assert_int_equal(lines, 500);
    assert_int_equal(f.counts.values_invalid, 100);
    assert_null(strstr(f.out.p, "deep"));
    end(&f);
}

static void the_status_alone_may_be_what_is_asked_for(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "metrics: {up_there: {ok: true, help: Well}, v: v}");
    assert_int_equal(read_body(&f, 200, STR("{\"v\": 2}")), PARSED);
    assert_non_null(strstr(f.out.p, "up_there 1\n"));
    assert_non_null(strstr(f.out.p, "v 2\n"));
    assert_int_equal(read_body(&f, 503, STR("{\"v\": 2}")), PARSED); /* collect makes up 0 of it */
    assert_non_null(strstr(f.out.p, "up_there 0\n"));
    assert_int_equal(read_body(&f, 200, STR("no JSON")), PARSED_UNWELL);
    assert_string_equal(f.out.p, "# HELP up_there Well\n# TYPE up_there gauge\nup_there 1\n");
    end(&f);
    start(&f, "metrics: {up_there: {ok: true}}");
    assert_int_equal(read_body(&f, 204, STR("")), PARSED); /* nothing of the body is wanted */
    end(&f);
    assert_fails(load("{url: 'http://h/x', metrics: {a: {ok: true, path: b}}}", &f.config, &f.err),
                 f.err, ERR_TYPE, "path does not go with it");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_unknown_keys_have_joined_names),
        cmocka_unit_test(leaves_are_bounded_in_number_and_depth),
        cmocka_unit_test(the_status_alone_may_be_what_is_asked_for),
        cmocka_unit_test(a_sound_box_tells_its_state),
        cmocka_unit_test(other_services_tell_theirs),
        cmocka_unit_test(numbers_may_be_texts_and_booleans),
        cmocka_unit_test(what_is_missing_or_null_gives_no_sample),
        cmocka_unit_test(what_is_of_the_wrong_kind_is_told_once_and_counted),
        cmocka_unit_test(a_state_that_is_not_listed_is_unknown),
        cmocka_unit_test(labels_come_from_keys_indexes_fields_and_texts),
        cmocka_unit_test(elements_are_counted_with_zeros_for_what_was_there),
        cmocka_unit_test(the_oldest_job_has_the_age_of_its_id),
        cmocka_unit_test(each_id_is_counted_once),
        cmocka_unit_test(an_answer_that_cannot_be_used_says_why),
        cmocka_unit_test(an_entry_may_say_only_what_is_expected),
        cmocka_unit_test(an_error_is_read_when_it_says_what_the_mapping_asks_for),
        cmocka_unit_test(a_mistake_in_a_mapping_is_named_where_it_stands),
        cmocka_unit_test(an_entry_needs_a_url_and_metrics),
        cmocka_unit_test(keys_that_make_no_sense_are_refused),
        cmocka_unit_test(lines_give_samples_of_their_own_times),
        cmocka_unit_test(without_a_time_the_last_line_is_what_holds),
        cmocka_unit_test(a_file_with_one_value_is_read_anew_each_time),
        cmocka_unit_test(an_entry_is_named_after_its_address),
    };

    if (argc != 2)
        return 2;
    samples = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
