/* earshot query: an expression at one time or over a range, as table, graph, CSV or JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/explain.h"
#include "cli/graph.h"
#include "cli/table.h"
#include "cli/times.h"
#include "text/duration.h"
#include "text/number.h"

#define LEGEND_MAX 30

enum output { OUTPUT_TABLE, OUTPUT_GRAPH, OUTPUT_CSV, OUTPUT_JSON };

struct query {
    const struct args *args;
    enum output output;
    size_t width; /* of the terminal; 0: none */
    bool range;
    double start, end, step; /* seconds */
    char times[3][NUMBER_FIXED_MAX + 1];
};

/* --- what to ask --------------------------------------------------------------------------------
 */

static int read_output(struct query *q, struct err *err)
{
    static const char *const names[] = {"table", "graph", "csv", "json"};
    const char *text = args_text(q->args, "output");

    q->width = table_terminal_width();
    q->output = !q->width ? OUTPUT_CSV : q->range ? OUTPUT_GRAPH : OUTPUT_TABLE;
    if (args_switch(q->args, "json"))
        q->output = OUTPUT_JSON;
    if (!text)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            q->output = (enum output)i;
            return 0;
        }
    }
    return err_set(err, ERR_SYNTAX, "--output: \"%.60s\" (there are table, graph, csv, json)",
                   text);
}

static int read_range(struct query *q, double now, struct err *err)
{
    const char *start = args_text(q->args, "start"), *end = args_text(q->args, "end"),
               *step = args_text(q->args, "step");
    int64_t step_ms;

    q->end = now;
    if (end && times_read("end", end, now, &q->end, err) < 0)
        return -1;
    q->start = q->end - 3600;
    if (start && times_read("start", start, now, &q->start, err) < 0)
        return -1;
    if (q->start > q->end)
        return err_set(err, ERR_SYNTAX, "--start is after --end");
    /* A dot of the graph a step, at most 11,000 in all. */
    q->step = ceil((q->end - q->start) / (double)(q->width > 40 ? 2 * q->width - 20 : 120));
    if (q->step < 1)
        q->step = 1;
    if (step && number_parse(str_c(step), &q->step))
        return q->step > 0 ? 0 : err_set(err, ERR_SYNTAX, "--step must be above 0");
    if (step && duration_parse(str_c(step), &step_ms, err) < 0)
        return err_context(err, "--step");
    if (step)
        q->step = (double)step_ms / 1000;
    return q->step > 0 ? 0 : err_set(err, ERR_SYNTAX, "--step must be above 0");
}

static int read_flags(struct query *q, struct err *err)
{
    const char *at = args_text(q->args, "at");
    const char *output = args_text(q->args, "output");
    double now = times_now();

    q->range = args_switch(q->args, "start") || args_switch(q->args, "end") ||
               args_switch(q->args, "step") || (output && strcmp(output, "graph") == 0);
    if (at && q->range)
        return err_set(err, ERR_SYNTAX, "--at is for one time; a range has --start, --end, --step");
    if (read_output(q, err) < 0)
        return -1;
    q->end = now;
    if (q->range)
        return read_range(q, now, err);
    return at ? times_read("at", at, now, &q->end, err) : 0;
}

static const char *time_text(struct query *q, size_t i, double seconds)
{
    q->times[i][number_print_f(seconds, q->times[i])] = '\0';
    return q->times[i];
}

/* --- what to print ------------------------------------------------------------------------------
 */

/* name{a="b"} of a "metric" object, in the order given. */
static void add_labels(const json_t *metric, struct buf *out)
{
    const char *name = json_string_value(json_object_get(metric, "__name__")), *key;
    json_t *value, *copy = json_copy((json_t *)metric);
    bool any = false;

    (void)json_object_del(copy, "__name__");
    buf_adds(out, name ? name : "");
    json_object_foreach(copy, key, value)
    {
        buf_addf(out, "%s%s=\"%s\"", any ? ", " : "{", key, json_string_value(value));
        any = true;
    }
    if (any)
        buf_addc(out, '}');
    else if (!name)
        buf_adds(out, "{}");
    json_decref(copy);
}

static void add_cell_labels(struct table *t, const json_t *metric)
{
    SCOPED(buf_fini) struct buf text;

    buf_init(&text, 0);
    add_labels(metric, &text);
    table_add(t, buf_str(&text));
}

static void add_cell_number(struct table *t, double v)
{
    char text[NUMBER_TEXT_MAX];

    table_add(t, (struct str){text, number_print(v, text)});
}

/* [time, "value"] */
static bool point(const json_t *pair, double *ts, double *value)
{
    const char *text = json_string_value(json_array_get(pair, 1));

    *ts = json_number_value(json_array_get(pair, 0));
    return text && number_parse(str_c(text), value);
}

static void write_out(struct buf *out)
{
    (void)fwrite(out->p, 1, out->n, stdout);
    buf_fini(out);
}

static void print_table(const struct query *q, struct table *t)
{
    struct buf out;

    buf_init(&out, 0);
    if (q->output == OUTPUT_CSV)
        table_csv(t, &out);
    else
        table_print(t, q->width, &out);
    table_fini(t);
    if (out.n)
        write_out(&out);
}

static void print_vector(const struct query *q, const json_t *result)
{
    struct table t;
    const json_t *item;
    size_t i;

    table_init(&t, q->output == OUTPUT_CSV ? 3 : 2, q->output == OUTPUT_CSV ? 0 : 1);
    if (q->output == OUTPUT_CSV) {
        table_add(&t, STR("series"));
        table_add(&t, STR("time"));
    }
    table_add(&t, STR("value"));
    if (q->output != OUTPUT_CSV)
        table_add(&t, STR("series"));
    json_array_foreach(result, i, item)
    {
        const json_t *pair = json_object_get(item, "value");
        const char *value = json_string_value(json_array_get(pair, 1));

        if (q->output == OUTPUT_CSV) {
            add_cell_labels(&t, json_object_get(item, "metric"));
            add_cell_number(&t, json_number_value(json_array_get(pair, 0)));
        }
        table_add(&t, str_c(value ? value : "(histogram)"));
        if (q->output != OUTPUT_CSV)
            add_cell_labels(&t, json_object_get(item, "metric"));
    }
    print_table(q, &t);
}

static void print_matrix_csv(const struct query *q, const json_t *result)
{
    struct table t;
    const json_t *item, *pair;
    size_t i, k;

    table_init(&t, 3, 0);
    table_add(&t, STR("series"));
    table_add(&t, STR("time"));
    table_add(&t, STR("value"));
    json_array_foreach(result, i, item) json_array_foreach(json_object_get(item, "values"), k, pair)
    {
        double ts, v;

        if (!point(pair, &ts, &v))
            continue;
        add_cell_labels(&t, json_object_get(item, "metric"));
        add_cell_number(&t, ts);
        add_cell_number(&t, v);
    }
    print_table(q, &t);
}

static void print_matrix_table(const struct query *q, const json_t *result)
{
    static const char *const heads[] = {"last", "min", "max", "samples", "series"};
    struct table t;
    const json_t *item, *pair;
    size_t i, k;

    table_init(&t, ARRAY_LEN(heads), 0xf);
    for (i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&t, str_c(heads[i]));
    json_array_foreach(result, i, item)
    {
        double ts, v = NAN, low = NAN, high = NAN;

        json_array_foreach(json_object_get(item, "values"), k, pair)
        {
            if (!point(pair, &ts, &v))
                continue;
            low = fmin(low, v);
            high = fmax(high, v);
        }
        add_cell_number(&t, v);
        add_cell_number(&t, low);
        add_cell_number(&t, high);
        add_cell_number(&t, (double)json_array_size(json_object_get(item, "values")));
        add_cell_labels(&t, json_object_get(item, "metric"));
    }
    print_table(q, &t);
}

static struct graph_series read_series(const json_t *values)
{
    size_t size = json_array_size(values), i;
    int64_t *ts = mem_new_array(int64_t, size + 1);
    double *v = mem_new_array(double, size + 1);
    struct graph_series s = {.ts = ts, .values = v};
    const json_t *pair;
    double seconds;

    json_array_foreach(values, i, pair)
    {
        if (point(pair, &seconds, &v[s.n]))
            ts[s.n++] = (int64_t)llround(seconds * 1000);
    }
    return s;
}

static void print_matrix_graph(const struct query *q, const json_t *result)
{
    size_t n = json_array_size(result), i;
    struct graph_series *series = mem_new_array(struct graph_series, n + 1);
    bool colours = q->width > 0 && !getenv("NO_COLOR");
    struct buf out;
    const json_t *item;

    buf_init(&out, 0);
    json_array_foreach(result, i, item) series[i] = read_series(json_object_get(item, "values"));
    graph_draw(series, n, (int64_t)(q->start * 1000), (int64_t)(q->end * 1000),
               q->width ? q->width : 80, 16, colours, &out);
    json_array_foreach(result, i, item)
    {
        if (i == LEGEND_MAX) {
            buf_addf(&out, "  and %zu more\n", n - i);
            break;
        }
        buf_addf(&out, "%s\xe2\x94\x80\xe2\x94\x80%s ", graph_colour(i, colours),
                 colours ? GRAPH_COLOUR_END : "");
        add_labels(json_object_get(item, "metric"), &out);
        buf_addc(&out, '\n');
    }
    for (i = 0; i < n; i++) {
        mem_free((void *)series[i].ts);
        mem_free((void *)series[i].values);
    }
    mem_free(series);
    write_out(&out);
}

static void print_scalar(const json_t *result)
{
    const char *text = json_string_value(json_array_get(result, 1));

    (void)printf("%s\n", text ? text : "");
}

static void print_result(const struct query *q, const json_t *data)
{
    const char *type = json_string_value(json_object_get(data, "resultType"));
    const json_t *result = json_object_get(data, "result");

    if (!type || strcmp(type, "scalar") == 0 || strcmp(type, "string") == 0)
        print_scalar(result);
    else if (strcmp(type, "vector") == 0)
        print_vector(q, result);
    else if (q->output == OUTPUT_CSV)
        print_matrix_csv(q, result);
    else if (q->output == OUTPUT_GRAPH)
        print_matrix_graph(q, result);
    else
        print_matrix_table(q, result);
    if (q->width && json_is_array(result) && json_array_size(result) == 0)
        (void)fprintf(stderr, "no series; --explain says why\n");
}

static void print_explanation(const struct query *q, const json_t *data)
{
    struct buf out;

    buf_init(&out, 0);
    explain_text(data, str_c(q->args->words[0]), q->width, &out);
    write_out(&out);
}

int query_run(const struct args *args)
{
    bool explain = args_switch(args, "explain");
    struct query q = {.args = args};
    struct err err = {0};
    json_t *data = NULL;

    if (read_flags(&q, &err) < 0) {
        (void)fprintf(stderr, "earshot: %s\n", err.text);
        return STATUS_USAGE;
    }
    {
        const struct client_param params[] = {
            {"query", args->words[0]},
            {"time", q.range ? NULL : time_text(&q, 0, q.end)},
            {"start", q.range ? time_text(&q, 0, q.start) : NULL},
            {"end", q.range ? time_text(&q, 1, q.end) : NULL},
            {"step", q.range ? time_text(&q, 2, q.step) : NULL},
        };

        if (client_json(args,
                        explain   ? "/api/earshot/v1/explain"
                        : q.range ? "/api/v1/query_range"
                                  : "/api/v1/query",
                        params, ARRAY_LEN(params), &data, &err) < 0)
            return client_failed(&err);
    }
    if (q.output == OUTPUT_JSON) {
        (void)json_dumpf(data, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else if (explain) {
        print_explanation(&q, data);
    } else {
        print_result(&q, data);
    }
    json_decref(data);
    return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}
