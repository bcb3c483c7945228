/* earshot up, earshot down: what runs here becomes a configuration, and back.
 *
 * A running earshot does it all by itself when the file is its own: it looks with its own rights
 * (who may log into a PostgreSQL, read a log), writes, and loads the file again. Otherwise this
 * process looks and writes.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "api/plan.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/serve.h"
#include "cli/table.h"
#include "cli/up_far.h"
#include "config/config.h"
#include "pack/pack.h"
#include "sys/clock.h"
#include "text/json.h"

#define DISCOVER   "/api/earshot/v1/discover"
#define MEMORY_MAX (256u << 20)

struct up {
    const struct args *args;
    char file[SERVE_PATH_BYTES];
    char host_name[256];
    bool by_server; /* the running earshot's own file */
    bool running;   /* one answers, whosever file it has */
    struct budget budget;
    struct arena arena;
    struct scan scan;
    struct plan plan;
};

/* ---- which file ---- */

static bool is_same_file(const char *a, const char *b)
{
    char *x = realpath(a, NULL), *y = realpath(b, NULL);
    bool same = x && y ? strcmp(x, y) == 0 : strcmp(a, b) == 0;

    free(x);
    free(y);
    return same;
}

static void make_absolute(char path[SERVE_PATH_BYTES])
{
    char here[SERVE_PATH_BYTES / 2], whole[SERVE_PATH_BYTES];

    if (path[0] == '/' || !getcwd(here, sizeof here))
        return;
    (void)snprintf(whole, sizeof whole, "%s/%.*s", here, (int)(sizeof here - 2), path);
    (void)memcpy(path, whole, sizeof whole);
}

/* What the earshot that answers says of its own. A server that is not ours to add to says why. */
static int ask_server(struct up *u, char file[SERVE_PATH_BYTES], struct err *err)
{
    json_t *data = NULL;
    const char *text;

    file[0] = '\0';
    if (client_json(u->args, DISCOVER "?scan=false", NULL, 0, &data, err) < 0) {
        u->running = err->kind != ERR_OS;
        return u->running && !args_text(u->args, "config") ? -1 : 0;
    }
    u->running = true;
    text = json_string_value(json_object_get(data, "file"));
    (void)snprintf(file, SERVE_PATH_BYTES, "%s", text ? text : "");
    json_decref(data);
    return 0;
}

static int find_file(struct up *u, struct err *err)
{
    const char *given = args_text(u->args, "config");
    char folder[SERVE_PATH_BYTES], servers[SERVE_PATH_BYTES];

    if (gethostname(u->host_name, sizeof u->host_name - 1) < 0)
        (void)snprintf(u->host_name, sizeof u->host_name, "localhost");
    if (ask_server(u, servers, err) < 0)
        return -1;
    if (given) {
        (void)snprintf(u->file, sizeof u->file, "%s", given);
        make_absolute(u->file);
        u->by_server = servers[0] && is_same_file(u->file, servers);
        return 0;
    }
    if (servers[0]) {
        (void)snprintf(u->file, sizeof u->file, "%s", servers);
        u->by_server = true;
        return 0;
    }
    if (serve_default_data(folder, err) < 0)
        return err_set(err, ERR_TYPE, "which file? give --config FILE");
    (void)snprintf(u->file, sizeof u->file, "%.*s/earshot.yml", (int)(sizeof u->file - 16), folder);
    return 0;
}

/* ---- the plan, as JSON, whoever has made it ---- */

static void print_errors(struct err *errors, size_t n)
{
    struct buf out;

    buf_init(&out, 0);
    for (size_t i = 0; i < n; i++)
        config_print_error(&errors[i], &out);
    (void)fwrite(out.p ? out.p : "", 1, out.n, stderr);
    buf_fini(&out);
    mem_free(errors);
}

static int fail(const struct err *err, int status)
{
    char text[sizeof err->text + sizeof err->file + 32];

    (void)fprintf(stderr, "earshot: %s\n", err_format(err, text, sizeof text));
    return status;
}

/* With the machines under `hosts` of the file; mistakes in it are told by plan_make. */
static int scan(struct up *u, struct err *err)
{
    struct config *config = NULL;
    struct err *errors = NULL;
    struct up_far *far;
    size_t n = 0;
    int result = -1;

    if (access(u->file, F_OK) == 0 &&
        config_load(u->file, NULL, &packs_reader, &config, &errors, &n) < 0)
        mem_free(errors);
    if (up_far_open(config, &u->arena, &far, err) == 0) {
        result = plan_scan(&u->arena, u->host_name, up_far_ways(far), clock_real(), &u->scan, err);
        up_far_close(far);
    }
    config_free(config);
    return result;
}

/* STATUS_OK, or what to end with after a message. */
static int look_here(struct up *u, json_t **out)
{
    SCOPED(buf_fini) struct buf text, json;
    struct err *errors = NULL, err = {0};
    size_t n = 0, added;
    char words[600];

    buf_init(&text, 0);
    buf_init(&json, 0);
    if (scan(u, &err) < 0)
        return fail(&err, STATUS_FAILED);
    if (plan_make(&u->arena, &u->scan, u->file, u->host_name, &u->plan, &errors, &n, &err) < 0) {
        if (n == 0)
            return fail(&err, STATUS_FAILED);
        print_errors(errors, n);
        return STATUS_USAGE;
    }
    if (plan_text(&u->plan, NULL, NULL, &text, &added, &err) < 0)
        plan_json(&u->plan, NULL, err_format(&err, words, sizeof words), &json);
    else
        plan_json(&u->plan, text.n ? text.p : "", NULL, &json);
    return json_read(buf_str(&json), out, &err) < 0 ? fail(&err, STATUS_FAILED) : STATUS_OK;
}

static int look(struct up *u, json_t **out)
{
    struct err err = {0};

    if (!u->by_server)
        return look_here(u, out);
    return client_json(u->args, DISCOVER, NULL, 0, out, &err) < 0 ? client_failed(&err) : STATUS_OK;
}

/* ---- showing it ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static size_t count_state(const json_t *found, const char *state)
{
    const json_t *item;
    size_t i, n = 0;

    json_array_foreach(found, i, item) n += strcmp(text_of(item, "state"), state) == 0;
    return n;
}

static void print_table(const json_t *found)
{
    static const char *const heads[] = {"", "found", "will be watched", "how it was recognised"};
    const json_t *item;
    struct table t;
    struct buf out;
    size_t i;

    table_init(&t, ARRAY_LEN(heads), 0);
    for (i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&t, str_c(heads[i]));
    json_array_foreach(found, i, item)
    {
        const char *state = text_of(item, "state");
        bool is_new = strcmp(state, "new") == 0;

        table_add(&t, is_new ? STR("+") : STR(""));
        table_add(&t, str_c(text_of(item, "title")));
        table_add(&t, strcmp(state, "watched") == 0 ? STR("is watched already")
                      : strcmp(state, "needs") == 0 ? STR("needs you: see below")
                                                    : str_c(text_of(item, "watched")));
        table_add(&t, str_c(text_of(item, "evidence")));
    }
    buf_init(&out, 0);
    table_print(&t, table_terminal_width(), &out); /* a plan is for people; scripts take --json */
    (void)fwrite(out.p ? out.p : "", 1, out.n, stdout);
    buf_fini(&out);
    table_fini(&t);
}

static void print_needs(const json_t *found)
{
    const json_t *item;
    size_t i;

    json_array_foreach(found, i, item)
    {
        if (strcmp(text_of(item, "state"), "needs") == 0)
            (void)printf("\n%s needs %s\n", text_of(item, "title"), text_of(item, "needs"));
    }
}

static void print_cut(const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)(void)
        printf("%s%s", i ? "; " : "Not looked at: ", json_string_value(item));
    if (json_array_size(list))
        (void)printf(".\n");
}

static void print_unreached(const json_t *unreached)
{
    const json_t *one;
    size_t i;

    json_array_foreach(unreached, i, one)(void)
        printf("\n%s was not looked at: %s\n", text_of(one, "host"), text_of(one, "why"));
}

static void print_plan(const json_t *plan)
{
    const json_t *found = json_object_get(plan, "found"), *at = json_object_get(plan, "looked_at");
    json_int_t unknown = json_integer_value(json_object_get(at, "unknown_ports"));

    print_table(found);
    print_needs(found);
    print_unreached(json_object_get(plan, "unreached"));
    (void)printf("\nLooked at %" JSON_INTEGER_FORMAT " ports, %" JSON_INTEGER_FORMAT
                 " processes and %" JSON_INTEGER_FORMAT " units in %.1f s",
                 json_integer_value(json_object_get(at, "ports")),
                 json_integer_value(json_object_get(at, "processes")),
                 json_integer_value(json_object_get(at, "units")),
                 json_number_value(json_object_get(at, "seconds")));
    if (unknown)
        (void)printf("; %" JSON_INTEGER_FORMAT " port%s to nobody we know", unknown,
                     unknown == 1 ? " belongs" : "s belong");
    (void)printf(".\n");
    print_cut(json_object_get(at, "not"));
}

/* ---- one key ---- */

/* y and Enter accept. A terminal that cannot give single keys gives a line. */
static bool read_key(void)
{
    struct termios before, raw;
    bool single = tcgetattr(STDIN_FILENO, &before) == 0;
    char key = 'n';
    ssize_t n;

    if (single) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        single = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0; /* keeps a key that came by now */
    }
    do
        n = read(STDIN_FILENO, &key, 1);
    while (n < 0 && errno == EINTR);
    if (single)
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    return n == 1 && (key == 'y' || key == 'Y' || key == '\n' || key == '\r');
}

static bool accepts(const struct up *u, size_t n)
{
    bool accepted;

    if (args_switch(u->args, "yes"))
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        (void)fprintf(stderr, "earshot: nothing is written without --yes where no person can be "
                              "asked\n");
        return false;
    }
    (void)tcflush(STDIN_FILENO, TCIFLUSH); /* no key that was meant for something else */
    (void)printf("\nWrite %zu entr%s to %s? [Enter = yes, any other key = no] ", n,
                 n == 1 ? "y" : "ies", u->file);
    (void)fflush(stdout);
    accepted = read_key();
    (void)printf("%s\n", accepted ? "yes" : "no");
    return accepted;
}

/* ---- writing it ---- */

static void say_start(const struct up *u)
{
    if (u->running)
        (void)printf("The earshot at %s has another configuration; to use this one:\n",
                     client_url(u->args));
    else
        (void)printf("No earshot runs at %s; to start it:\n", client_url(u->args));
    (void)printf("    earshot serve%s%s\n", args_text(u->args, "config") ? " --config " : "",
                 args_text(u->args, "config") ? u->file : "");
}

/* What the server says about its reload. STATUS_OK only if it has the new configuration. */
static int say_loaded(const json_t *answer)
{
    if (json_is_true(json_object_get(answer, "loaded"))) {
        (void)printf("The running earshot has loaded it.\n");
        return STATUS_OK;
    }
    (void)fprintf(stderr, "earshot: the running earshot keeps the configuration it has: %s\n",
                  text_of(answer, "error"));
    return STATUS_FAILED;
}

static int write_by_server(struct up *u)
{
    const struct client_param all[] = {{"accept", "all"}};
    json_t *answer = NULL;
    struct err err = {0};
    int status;

    if (client_json(u->args, DISCOVER, all, 1, &answer, &err) < 0)
        return client_failed(&err);
    (void)printf("Wrote %s.\n", u->file);
    status = say_loaded(answer);
    json_decref(answer);
    return status;
}

static int write_here(struct up *u)
{
    SCOPED(buf_fini) struct buf text;
    struct err err = {0};
    size_t added;

    buf_init(&text, 0);
    if (plan_text(&u->plan, NULL, NULL, &text, &added, &err) < 0)
        return fail(&err, STATUS_USAGE);
    if (plan_write(u->file, buf_str(&text), &err) < 0)
        return fail(&err, STATUS_FAILED);
    (void)printf("Wrote %s.\n", u->file);
    say_start(u);
    return STATUS_OK;
}

static int go_on(struct up *u, const json_t *plan)
{
    size_t n = count_state(json_object_get(plan, "found"), "new");
    const char *refused = text_of(plan, "refused");

    if (args_switch(u->args, "json")) {
        (void)json_dumpf(plan, stdout, JSON_INDENT(2));
        (void)printf("\n");
        if (!args_switch(u->args, "yes") && !*refused)
            return STATUS_OK;
        /* What follows is for people. */
        (void)fflush(stdout);
        (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    } else {
        print_plan(plan);
    }
    if (*refused) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "earshot: %s\n", refused);
        return STATUS_USAGE;
    }
    if (n == 0) {
        (void)printf("%s has all of it already: nothing to write.\n", u->file);
        return STATUS_OK;
    }
    if (args_switch(u->args, "dry-run")) {
        (void)printf("\nThis is what %s would be:\n\n%s", u->file, text_of(plan, "text"));
        return STATUS_OK;
    }
    if (!accepts(u, n)) {
        (void)printf("Nothing was written.\n");
        return STATUS_FAILED;
    }
    return u->by_server ? write_by_server(u) : write_here(u);
}

int up_run(const struct args *args)
{
    struct up u = {.args = args};
    json_t *plan = NULL;
    struct err err = {0};
    int status;

    if (find_file(&u, &err) < 0)
        return fail(&err, STATUS_FAILED);
    budget_init(&u.budget, "the memory of a scan", MEMORY_MAX, NULL);
    arena_init(&u.arena, &u.budget);
    status = look(&u, &plan);
    if (status == STATUS_OK)
        status = go_on(&u, plan);
    json_decref(plan);
    arena_fini(&u.arena);
    return status;
}

/* ---- down ---- */

static void say_entry(struct str comment, bool only_tell)
{
    (void)printf("%s: %.*s\n", only_tell ? "Would take out" : "Took out", STR_ARGS(comment));
}

static void say_listed(const json_t *entries, bool only_tell)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry) say_entry(str_c(json_string_value(entry)), only_tell);
}

static void say_undone(const struct up *u, size_t taken, size_t changed, bool removed,
                       bool only_tell)
{
    if (taken == 0)
        (void)printf("%s: nothing that earshot up has written is in it as it was.\n", u->file);
    else if (only_tell)
        (void)printf("Nothing was changed.\n");
    else if (removed)
        (void)printf("Removed %s: all of it was written by earshot up.\n", u->file);
    else
        (void)printf("Took %zu entr%s out of %s.\n", taken, taken == 1 ? "y" : "ies", u->file);
    if (changed)
        (void)printf("%zu that %s changed since stay%s.\n", changed, changed == 1 ? "was" : "were",
                     changed == 1 ? "s" : "");
}

static int undo_by_server(struct up *u)
{
    const struct client_param all[] = {{"undo", "all"}};
    json_t *answer = NULL;
    struct err err = {0};
    size_t taken;
    int status = STATUS_OK;
    bool only_tell = args_switch(u->args, "dry-run");

    if (client_json(u->args, DISCOVER "/undo", all, only_tell ? 0 : 1, &answer, &err) < 0)
        return client_failed(&err);
    taken = (size_t)json_integer_value(json_object_get(answer, "taken"));
    if (args_switch(u->args, "json"))
        (void)json_dumpf(answer, stdout, JSON_INDENT(2));
    else {
        say_listed(json_object_get(answer, "entries"), only_tell);
        say_undone(u, taken, (size_t)json_integer_value(json_object_get(answer, "changed")),
                   json_is_true(json_object_get(answer, "removed")), only_tell);
    }
    if (taken && !only_tell)
        status = say_loaded(answer);
    json_decref(answer);
    return status;
}

static int undo_here(struct up *u)
{
    SCOPED(buf_fini) struct buf told = {0};
    struct str rest;
    struct plan_undone undone;
    struct err err = {0};
    bool only_tell = args_switch(u->args, "dry-run");

    if (plan_undo(u->file, only_tell, &undone, &told, &err) < 0)
        return fail(&err, STATUS_FAILED);
    if (args_switch(u->args, "json"))
        (void)printf("{\"taken\": %zu, \"changed\": %zu, \"removed\": %s}\n", undone.taken,
                     undone.changed, undone.removed ? "true" : "false");
    else {
        for (rest = buf_str(&told); rest.n;)
            say_entry(str_split(&rest, '\n'), only_tell);
        say_undone(u, undone.taken, undone.changed, undone.removed, only_tell);
    }
    return STATUS_OK;
}

int down_run(const struct args *args)
{
    struct up u = {.args = args};
    struct err err = {0};

    if (find_file(&u, &err) < 0)
        return fail(&err, STATUS_FAILED);
    return u.by_server ? undo_by_server(&u) : undo_here(&u);
}
