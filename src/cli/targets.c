/* earshot targets: what is collected, how that goes, and what it costs. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/table.h"

static const char *const heads[] = {
    "health", "job",        "by",      "instance", "seconds",
    "CPU %",  "bytes read", "samples", "through",  "last error or URL"};
#define COLUMNS ARRAY_LEN(heads)
#define NUMBERS (1u << 4 | 1u << 5 | 1u << 6 | 1u << 7)

static struct str text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return str_c(text ? text : "");
}

static void add_number(struct table *t, const char *format, double value)
{
    char text[32];

    (void)snprintf(text, sizeof text, format, value);
    table_add(t, str_c(text));
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void add_target(const json_t *target, struct table *t)
{
    const json_t *cost = json_object_get(target, "cost");
    struct str error = text_of(target, "lastError");
    double cycles = number_of(cost, "cycles");

    table_add(t, text_of(target, "health"));
    table_add(t, text_of(target, "scrapePool"));
    table_add(t, text_of(target, "collector"));
    table_add(t, text_of(json_object_get(target, "labels"), "instance"));
    add_number(t, "%.3f", number_of(target, "lastScrapeDuration"));
    add_number(t, "%.3f", 100 * number_of(cost, "cpuRatio"));
    add_number(t, "%.0f", cycles > 0 ? number_of(cost, "readBytes") / cycles : 0);
    add_number(t, "%.0f", number_of(target, "lastSamples"));
    table_add(t, text_of(json_object_get(target, "tunnel"), "host"));
    table_add(t, error.n ? error : text_of(target, "scrapeUrl"));
}

/* Those reached through this tunnel; {NULL, 0}: through none. Returns how many are down. */
static size_t add_targets(const json_t *targets, struct str host, struct table *t)
{
    const json_t *target;
    size_t i, down = 0;

    json_array_foreach(targets, i, target)
    {
        if (!str_eq(text_of(json_object_get(target, "tunnel"), "host"), host))
            continue;
        add_target(target, t);
        down += str_eq(text_of(target, "health"), STR("down"));
    }
    return down;
}

static void add_tunnel(const json_t *tunnel, struct table *t)
{
    struct str words = text_of(tunnel, "words");

    table_add(t, json_is_true(json_object_get(tunnel, "up")) ? STR("up") : STR("down"));
    table_add(t, text_of(tunnel, "host"));
    table_add(t, STR("tunnel"));
    table_add(t, text_of(tunnel, "address"));
    for (int i = 0; i < 4; i++)
        table_add(t, STR(""));
    table_add(t, STR(""));
    table_add(t, words.n ? words : text_of(tunnel, "state"));
}

/* A tunnel, and below it what is reached through it. Returns how many targets are down. */
static size_t add_rows(const json_t *targets, const json_t *tunnels, struct table *t)
{
    const json_t *tunnel;
    size_t i, down;

    for (i = 0; i < COLUMNS; i++)
        table_add(t, str_c(heads[i]));
    down = add_targets(targets, STR(""), t);
    json_array_foreach(tunnels, i, tunnel)
    {
        add_tunnel(tunnel, t);
        down += add_targets(targets, text_of(tunnel, "host"), t);
    }
    return down;
}

/* Beside CSV it goes where it is in nobody's way. */
static void print_dropped(const json_t *counts)
{
    const char *job;
    json_t *count;
    json_int_t n = 0;

    json_object_foreach((json_t *)(uintptr_t)counts, job, count) n += json_integer_value(count);
    if (n)
        (void)fprintf(table_terminal_width() ? stdout : stderr,
                      "%" JSON_INTEGER_FORMAT " dropped by relabel_configs\n", n);
}

int targets_run(const struct args *args)
{
    json_t *data = NULL;
    struct err err = {0};
    struct table t;
    struct buf out;
    size_t down;

    if (client_json(args, "/api/v1/targets", NULL, 0, &data, &err) < 0)
        return client_failed(&err);
    table_init(&t, COLUMNS, NUMBERS);
    down = add_rows(json_object_get(data, "activeTargets"), json_object_get(data, "tunnels"), &t);
    buf_init(&out, 0);
    if (args_switch(args, "json")) {
        (void)json_dumpf(json_object_get(data, "activeTargets"), stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else if (table_terminal_width()) {
        table_print(&t, table_terminal_width(), &out);
    } else {
        table_csv(&t, &out);
    }
    (void)fwrite(out.p ? out.p : "", 1, out.n, stdout);
    print_dropped(json_object_get(data, "droppedTargetCounts"));
    buf_fini(&out);
    table_fini(&t);
    json_decref(data);
    return down ? STATUS_FAILED : STATUS_OK;
}
