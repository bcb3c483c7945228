/* earshot targets: what is collected, and how that goes. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/table.h"

static struct str text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return str_c(text ? text : "");
}

/* Returns how many are down. */
static size_t add_rows(const json_t *targets, struct table *t)
{
    static const char *const heads[] = {"health", "job", "instance", "seconds",
                                        "last error or URL"};
    const json_t *target;
    size_t i, down = 0;

    for (i = 0; i < ARRAY_LEN(heads); i++)
        table_add(t, str_c(heads[i]));
    json_array_foreach(targets, i, target)
    {
        const json_t *labels = json_object_get(target, "labels");
        struct str error = text_of(target, "lastError");
        char seconds[32];

        (void)snprintf(seconds, sizeof seconds, "%.3f",
                       json_number_value(json_object_get(target, "lastScrapeDuration")));
        table_add(t, text_of(target, "health"));
        table_add(t, text_of(target, "scrapePool"));
        table_add(t, text_of(labels, "instance"));
        table_add(t, str_c(seconds));
        table_add(t, error.n ? error : text_of(target, "scrapeUrl"));
        down += str_eq(text_of(target, "health"), STR("down"));
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
    table_init(&t, 5, 1u << 3);
    down = add_rows(json_object_get(data, "activeTargets"), &t);
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
