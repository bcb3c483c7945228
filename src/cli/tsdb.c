/* earshot tsdb stat|verify|dump: looks into a data directory, without running it or taking its
 * lock. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "cli/times.h"
#include "model/matcher.h"
#include "promql/query.h"
#include "sys/fs.h"
#include "text/json.h"
#include "tsdb/inspect.h"

static int failed(const struct err *err, int status)
{
    (void)fprintf(stderr, "earshot: %s\n", err->text);
    return status;
}

static void json_report(const struct inspect_report *r, struct buf *out)
{
    struct json_writer w;

    json_begin(&w, out);
    json_begin_object(&w);
    json_key(&w, "blocks");
    json_begin_array(&w);
    for (size_t i = 0; i < r->blocks_n; i++) {
        const struct inspect_block *b = &r->blocks[i];
        const struct {
            const char *key;
            int64_t value;
        } numbers[] = {{"bytes", (int64_t)b->bytes},
                       {"samples", (int64_t)b->samples},
                       {"series", (int64_t)b->series},
                       {"groups", (int64_t)b->groups},
                       {"mint", b->mint},
                       {"maxt", b->maxt},
                       {"generation", b->generation},
                       {"parents", b->parents}};

        json_begin_object(&w);
        json_key(&w, "name");
        json_cstr(&w, b->name);
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
            json_key(&w, numbers[k].key);
            json_i64(&w, numbers[k].value);
        }
        json_key(&w, "sections");
        json_begin_object(&w);
        for (size_t k = 0; k < INSPECT_SECTIONS; k++) {
            json_key(&w, inspect_section_names[k]);
            json_i64(&w, (int64_t)b->section_bytes[k]);
        }
        json_end_object(&w);
        if (b->error) {
            json_key(&w, "error");
            json_cstr(&w, b->error);
        }
        json_end_object(&w);
    }
    json_end_array(&w);
    json_key(&w, "logs");
    json_begin_array(&w);
    for (size_t i = 0; i < r->logs_n; i++) {
        json_begin_object(&w);
        json_key(&w, "name");
        json_cstr(&w, r->logs[i].name);
        json_key(&w, "bytes");
        json_i64(&w, (int64_t)r->logs[i].bytes);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_key(&w, "samples");
    json_i64(&w, (int64_t)r->samples);
    json_key(&w, "block_bytes");
    json_i64(&w, (int64_t)r->block_bytes);
    json_key(&w, "timestamp_bytes");
    json_i64(&w, (int64_t)r->timestamp_bytes);
    json_key(&w, "value_bytes");
    json_i64(&w, (int64_t)r->value_bytes);
    json_key(&w, "label_bytes");
    json_i64(&w, (int64_t)r->label_bytes);
    json_key(&w, "log_bytes");
    json_i64(&w, (int64_t)r->log_bytes);
    json_key(&w, "log_records");
    json_i64(&w, (int64_t)r->log_records);
    json_key(&w, "torn_tails");
    json_i64(&w, (int64_t)r->torn_tails);
    json_key(&w, "lost_records");
    json_i64(&w, (int64_t)r->lost_records);
    json_key(&w, "deletes");
    json_i64(&w, (int64_t)r->deletes);
    json_key(&w, "damaged");
    json_i64(&w, (int64_t)r->damaged);
    json_end_object(&w);
    buf_addc(out, '\n');
}

/* "11-21 22:00" in UTC. */
static void add_time(struct table *t, ts_ms ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];

    if (!gmtime_r(&seconds, &tm) || strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm) == 0)
        text[0] = '\0';
    table_add(t, str_c(text));
}

static void add_number(struct table *t, uint64_t v)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%" PRIu64, v);
    table_add(t, str_c(text));
}

static void text_report(const struct inspect_report *r, bool verified, struct buf *out)
{
    static const char *const heads[] = {"from (UTC)", "to",           "series", "samples",
                                        "bytes",      "bytes/sample", "block"};
    struct table t;

    table_init(&t, ARRAY_LEN(heads), 0x3c);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&t, str_c(heads[i]));
    for (size_t i = 0; i < r->blocks_n; i++) {
        const struct inspect_block *b = &r->blocks[i];
        char ratio[32], name[400];

        (void)snprintf(ratio, sizeof ratio, "%.3f",
                       b->samples ? (double)b->bytes / (double)b->samples : 0);
        (void)snprintf(name, sizeof name, "%s%s%s", b->name, b->error ? ": " : "",
                       b->error ? b->error : "");
        if (b->error && !b->samples) { /* not even its header can be read */
            for (size_t k = 0; k < 4; k++)
                table_add(&t, STR("?"));
            add_number(&t, b->bytes);
            table_add(&t, STR("?"));
        } else {
            add_time(&t, b->mint);
            add_time(&t, b->maxt);
            add_number(&t, b->series);
            add_number(&t, b->samples);
            add_number(&t, b->bytes);
            table_add(&t, str_c(ratio));
        }
        table_add(&t, str_c(name));
    }
    if (r->blocks_n > 0)
        table_print(&t, 0, out);
    table_fini(&t);
    buf_addf(out, "blocks: %zu, %" PRIu64 " samples in %" PRIu64 " bytes\n", r->blocks_n,
             r->samples, r->block_bytes);
    if (r->samples)
        buf_addf(out, "bytes/sample: %.4f timestamps, %.4f values, %.4f labels and their index\n",
                 (double)r->timestamp_bytes / (double)r->samples,
                 (double)r->value_bytes / (double)r->samples,
                 (double)r->label_bytes / (double)r->samples);
    if (!r->blocks_n && !r->logs_n)
        buf_adds(out, "there is nothing of earshot's in this directory\n");
    buf_addf(out, "log: %zu segment%s, %" PRIu64 " bytes", r->logs_n, r->logs_n == 1 ? "" : "s",
             r->log_bytes);
    if (verified)
        buf_addf(out, ", %" PRIu64 " records, %" PRIu64 " torn tails (not damage)", r->log_records,
                 r->torn_tails);
    buf_addc(out, '\n');
    if (r->deletes)
        buf_addf(out, "deletes: %zu, applied when samples are read\n", r->deletes);
    if (r->damaged) {
        buf_addf(out, "damage: %zu place%s", r->damaged, r->damaged == 1 ? "" : "s");
        if (r->lost_records)
            buf_addf(out, ", at least %" PRIu64 " records of the log lost", r->lost_records);
        buf_addc(out, '\n');
    } else if (verified)
        buf_adds(out, "no damage\n");
}

static int report(const struct args *args, bool verify)
{
    SCOPED(arena_fini) struct arena a;
    SCOPED(buf_fini) struct buf out;
    struct inspect_report r = {0};
    struct err err = {0};
    struct fs *fs = NULL;
    int result;

    arena_init(&a, NULL); /* names and sums of blocks: a few hundred bytes each */
    buf_init(&out, 0);
    if (fs_open_dir(args->words[0], true, &fs, &err) < 0)
        return failed(&err, STATUS_DATA);
    result = verify ? inspect_verify(fs, &a, &r, &err) : inspect_stat(fs, &a, &r, &err);
    fs_free(fs);
    if (result < 0)
        return failed(&err, STATUS_DATA);
    if (args_switch(args, "json"))
        json_report(&r, &out);
    else
        text_report(&r, verify, &out);
    if (fwrite(out.p, 1, out.n, stdout) != out.n)
        return STATUS_FAILED;
    return verify && r.damaged ? STATUS_FAILED : STATUS_OK;
}

int tsdb_stat_run(const struct args *args)
{
    return report(args, false);
}

int tsdb_verify_run(const struct args *args)
{
    return report(args, true);
}

static int write_stdout(void *arg, struct str text, struct err *err)
{
    (void)arg;
    if (fwrite(text.p, 1, text.n, stdout) != text.n)
        return err_set(err, ERR_OS, "standard output cannot be written");
    return 0;
}

static int dump(const struct args *args, struct fs *fs, struct arena *a, ts_ms mint, ts_ms maxt,
                struct err *err)
{
    const char *text = args_text(args, "match");
    struct matcher *matchers = NULL;
    size_t n = 0;
    int result;

    if (text && promql_parse_selector(a, str_c(text), &matchers, &n, err) < 0) {
        (void)err_context(err, "--match");
        return STATUS_USAGE;
    }
    result = inspect_dump(fs, matchers, n, mint, maxt, write_stdout, NULL, err);
    for (size_t i = 0; i < n; i++)
        matcher_fini(&matchers[i]);
    return result < 0 ? STATUS_FAILED : STATUS_OK;
}

int tsdb_dump_run(const struct args *args)
{
    SCOPED(arena_fini) struct arena a;
    const char *start = args_text(args, "start"), *end = args_text(args, "end");
    double now = times_now(), from = -INFINITY, to = INFINITY;
    struct err err = {0};
    struct fs *fs = NULL;
    int status;

    arena_init(&a, NULL); /* one selector */
    if ((start && times_read("start", start, now, &from, &err) < 0) ||
        (end && times_read("end", end, now, &to, &err) < 0))
        return failed(&err, STATUS_USAGE);
    if (fs_open_dir(args->words[0], true, &fs, &err) < 0)
        return failed(&err, STATUS_DATA);
    status = dump(args, fs, &a, start ? (ts_ms)llround(from * 1000) : INT64_MIN,
                  end ? (ts_ms)llround(to * 1000) : INT64_MAX, &err);
    fs_free(fs);
    return status == STATUS_OK ? STATUS_OK : failed(&err, status);
}
