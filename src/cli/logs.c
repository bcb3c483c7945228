/* earshot logs: lines of logs, for people or as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/logs_print.h"
#include "cli/table.h"
#include "cli/times.h"
#include "text/duration.h"
#include "text/json.h"
#include "text/number.h"

#define PAGE_LINES    1000
#define LINES_DEFAULT 1000
#define PARAMS_MAX    (ARGS_MAX + 10)

struct logs {
    const struct args *args;
    struct client_param params[PARAMS_MAX];
    size_t params_n, cursor, count; /* where those two stand among them */
    char times[2][NUMBER_FIXED_MAX + 1], number[32];
    bool all;     /* from `since` on, oldest first; else the newest, turned round */
    size_t limit; /* of the newest */
    bool colours, json;
};

/* ---- what to ask ---- */

static void add(struct logs *l, const char *name, const char *value)
{
    if (value)
        l->params[l->params_n++] = (struct client_param){name, value};
}

/* As times_read has it, and 1h for what --start calls -1h. */
static int read_time(struct logs *l, const char *flag, const char *name, size_t i, double now,
                     struct err *err)
{
    const char *text = args_text(l->args, flag);
    double seconds;
    int64_t ms;

    if (!text)
        return 0;
    if (!number_parse(str_c(text), &seconds) && duration_parse(str_c(text), &ms, NULL) == 0)
        seconds = now - (double)ms / 1000;
    else if (times_read(flag, text, now, &seconds, err) < 0)
        return -1;
    l->times[i][number_print_f(seconds, l->times[i])] = '\0';
    add(l, name, l->times[i]);
    return 0;
}

static int read_limit(struct logs *l, struct err *err)
{
    const char *text = args_text(l->args, "limit");
    int64_t n = LINES_DEFAULT;

    if (text && (!number_parse_i64(str_c(text), &n) || n < 1))
        return err_set(err, ERR_SYNTAX, "--limit: \"%.60s\" is no number of lines", text);
    l->all = !text && args_text(l->args, "since");
    l->limit = (size_t)n;
    return 0;
}

static int read_flags(struct logs *l, struct err *err)
{
    double now = times_now();
    const char *where;
    size_t at = 0;

    l->json = args_switch(l->args, "json");
    l->colours = !l->json && table_terminal_width() && !getenv("NO_COLOR");
    if (read_limit(l, err) < 0 || read_time(l, "since", "start", 0, now, err) < 0 ||
        read_time(l, "until", "end", 1, now, err) < 0)
        return -1;
    add(l, "source", l->args->words_n ? l->args->words[0] : NULL);
    add(l, "level", args_text(l->args, "level"));
    add(l, "event", args_text(l->args, "event"));
    add(l, "search", args_text(l->args, "search"));
    while ((where = args_next(l->args, "where", &at)))
        add(l, "where", where);
    if (args_switch(l->args, "follow")) {
        if (args_text(l->args, "until"))
            return err_set(err, ERR_SYNTAX, "--follow has no end: leave --until away");
        add(l, "limit", l->all ? "1000" : args_text(l->args, "limit"));
        return 0;
    }
    add(l, "direction", l->all ? "forward" : "backward");
    l->count = l->params_n++;
    l->cursor = l->params_n++;
    return 0;
}

/* ---- pages ---- */

/* *next NULL: that was the last page. */
static int ask(struct logs *l, size_t limit, char **next, json_t **lines, struct err *err)
{
    const char *cursor;
    json_t *data = NULL;

    (void)snprintf(l->number, sizeof l->number, "%zu", limit < PAGE_LINES ? limit : PAGE_LINES);
    l->params[l->count] = (struct client_param){"limit", l->number};
    l->params[l->cursor] = (struct client_param){"cursor", *next};
    if (client_json(l->args, "/api/earshot/v1/logs", l->params, l->params_n, &data, err) < 0)
        return -1;
    mem_free(*next);
    cursor = json_string_value(json_object_get(data, "next"));
    *next = cursor ? mem_strdup(cursor) : NULL;
    *lines = json_incref(json_object_get(data, "lines"));
    json_decref(data);
    return 0;
}

static void print(const struct logs *l, const json_t *line)
{
    SCOPED(buf_fini) struct buf out = {0};
    char *text;

    if (l->json) {
        text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(17));
        (void)printf("%s\n", text ? text : "");
        free(text);
        return;
    }
    logs_print(line, l->args->words_n == 0, l->colours, &out);
    (void)fwrite(out.p, 1, out.n, stdout);
}

static int print_forward(struct logs *l, struct err *err)
{
    char *next = NULL;
    json_t *lines, *line;
    size_t i;

    do {
        if (ask(l, PAGE_LINES, &next, &lines, err) < 0) {
            mem_free(next);
            return -1;
        }
        json_array_foreach(lines, i, line) print(l, line);
        json_decref(lines);
    } while (next);
    return 0;
}

/* They come newest first. */
static int print_newest(struct logs *l, struct err *err)
{
    json_t *all = json_array(), *lines;
    char *next = NULL;
    size_t left = l->limit;
    int rc;

    do {
        rc = ask(l, left, &next, &lines, err);
        if (rc < 0)
            break;
        left -= json_array_size(lines) < left ? json_array_size(lines) : left;
        (void)json_array_extend(all, lines);
        json_decref(lines);
    } while (next && left);
    for (size_t i = rc == 0 ? json_array_size(all) : 0; i-- > 0;)
        print(l, json_array_get(all, i));
    if (rc == 0 && next && l->colours && !args_text(l->args, "limit"))
        (void)fprintf(stderr, "there are older ones: --since or --limit\n");
    mem_free(next);
    json_decref(all);
    return rc;
}

static bool on_event(void *arg, struct str event, struct str data)
{
    struct logs *l = arg;
    json_t *line = NULL;

    if (str_eq(event, STR("missed"))) {
        (void)fprintf(stderr, "earshot: %.*s lines came too fast and are left out\n",
                      STR_ARGS(data));
    } else if (str_eq(event, STR("error"))) {
        (void)fprintf(stderr, "earshot: %.*s\n", STR_ARGS(data));
    } else if (json_read_foreign(data, &line, NULL) == 0) {
        print(l, line);
        json_decref(line);
    }
    return fflush(stdout) == 0;
}

static int follow(struct logs *l, struct err *err)
{
    int rc = client_events(l->args, "/api/earshot/v1/logs/tail", l->params, l->params_n, on_event,
                           l, err);

    /* Nobody reads any more: `earshot logs --follow | head`. */
    return ferror(stdout) ? 0 : rc;
}

int logs_run(const struct args *args)
{
    struct logs l = {.args = args};
    struct err err = {0};

    if (read_flags(&l, &err) < 0) {
        (void)fprintf(stderr, "earshot: %s\n", err.text);
        return STATUS_USAGE;
    }
    if (args_switch(args, "follow"))
        return follow(&l, &err) == 0 ? STATUS_OK : client_failed(&err);
    if ((l.all ? print_forward(&l, &err) : print_newest(&l, &err)) < 0)
        return client_failed(&err);
    return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}
