#include "cli/args.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

/* The n-th flag of a command: its own, then the client's. NULL past the end. */
static const struct flag *flag_at(const struct command *c, size_t i)
{
    if (i < c->flags_n)
        return &c->flags[i];
    i -= c->flags_n;
    return c->client && i < client_flags_n ? &client_flags[i] : NULL;
}

/* How many of the words (1 or 2) name a command; 0: none does. */
static size_t find_command(size_t n, char *const words[], const struct command **out)
{
    for (size_t i = 0; i < commands_n; i++) {
        const char *name = commands[i].name, *space = strchr(name, ' ');

        if (!space && strcmp(words[0], name) == 0) {
            *out = &commands[i];
            return 1;
        }
        if (space && n > 1 && strlen(words[0]) == (size_t)(space - name) &&
            strncmp(words[0], name, strlen(words[0])) == 0 && strcmp(words[1], space + 1) == 0) {
            *out = &commands[i];
            return 2;
        }
    }
    return 0;
}

/* What may follow `first`, as "stat, verify, dump"; false when it is no first word of a pair. */
static bool second_words(const char *first, char *out, size_t cap)
{
    size_t length = strlen(first), used = 0;

    for (size_t i = 0; i < commands_n && used < cap; i++) {
        const char *name = commands[i].name;

        if (length && strncmp(name, first, length) == 0 && name[length] == ' ')
            used += (size_t)snprintf(out + used, cap - used, "%s%s", used ? ", " : "",
                                     name + length + 1);
    }
    return used > 0;
}

static int unknown_command(size_t n, char *const words[], struct err *err)
{
    const char *names[ARGS_MAX], *nearest, *second = n > 1 && words[1][0] != '-' ? words[1] : NULL;
    char text[128], seconds[128];

    assert(commands_n <= ARGS_MAX);
    for (size_t i = 0; i < commands_n; i++)
        names[i] = commands[i].name;
    (void)snprintf(text, sizeof text, "%.60s%s%.60s", words[0], second ? " " : "",
                   second ? second : "");
    if (second_words(words[0], seconds, sizeof seconds))
        return second ? err_set(err, ERR_SYNTAX, "unknown command \"%s\" (after %s: %s)", text,
                                words[0], seconds)
                      : err_set(err, ERR_SYNTAX, "%s: a second word is missing: %s", words[0],
                                seconds);
    nearest = str_nearest(str_c(words[0]), names, commands_n);
    if (!nearest)
        nearest = str_nearest(str_c(text), names, commands_n);
    if (nearest)
        return err_set(err, ERR_SYNTAX, "unknown command \"%.60s\" (did you mean \"%s\"?)",
                       words[0], nearest);
    return err_set(err, ERR_SYNTAX, "unknown command \"%.60s\" (earshot --help lists them)",
                   words[0]);
}

static int unknown_flag(const struct command *c, struct str name, struct err *err)
{
    const char *names[ARGS_MAX], *nearest;
    const struct flag *flag;
    size_t n = 0;

    while ((flag = flag_at(c, n)))
        names[n++] = flag->name;
    nearest = str_nearest(name, names, n);
    if (nearest)
        return err_set(err, ERR_SYNTAX, "%s: unknown flag --%.*s (did you mean --%s?)", c->name,
                       STR_ARGS(str_take(name, 60)), nearest);
    return err_set(err, ERR_SYNTAX, "%s: unknown flag --%.*s (earshot %s --help lists them)",
                   c->name, STR_ARGS(str_take(name, 60)), c->name);
}

/* Takes words[*i], a flag, and the word behind it where that is its value. */
static int take_flag(struct args *args, size_t n, char *const words[], size_t *i, struct err *err)
{
    struct str rest = str_c(words[*i] + 2), name = str_split(&rest, '=');
    const struct flag *flag;
    size_t at = 0;

    if (str_eq(name, STR("help"))) {
        args->help = true;
        return 0;
    }
    while ((flag = flag_at(args->command, at)) && !str_eq(name, str_c(flag->name)))
        at++;
    if (!flag)
        return unknown_flag(args->command, name, err);
    if (!flag->value) {
        if (rest.p)
            return err_set(err, ERR_SYNTAX, "--%s takes no value", flag->name);
        args->values[at] = "";
        return 0;
    }
    if (!rest.p) {
        if (*i + 1 >= n)
            return err_set(err, ERR_SYNTAX, "--%s wants a value: --%s %s", flag->name, flag->name,
                           flag->value);
        rest = str_c(words[++*i]);
    }
    args->values[at] = rest.p;
    if (args->given_n == ARGS_MAX)
        return err_set(err, ERR_SYNTAX, "too many flags");
    args->given[args->given_n++] = (struct args_given){at, rest.p};
    return 0;
}

static int check_words(const struct args *args, struct err *err)
{
    const struct command *c = args->command;

    if (args->words_n > c->words_max)
        return err_set(err, ERR_SYNTAX, "%s: one word too many: \"%.60s\"", c->name,
                       args->words[c->words_max]);
    if (args->words_n < c->words_min && !args->help)
        return err_set(err, ERR_SYNTAX, "%s: %s is missing", c->name, c->words);
    return 0;
}

int args_parse(struct args *out, size_t n, char *const words[], struct err *err)
{
    struct args args = {0};
    bool flags_end = false;
    size_t i;

    if (n == 0)
        return err_set(err, ERR_SYNTAX, "%s", "");
    i = find_command(n, words, &args.command);
    if (i == 0)
        return unknown_command(n, words, err);
    for (; i < n; i++) {
        if (!flags_end && strcmp(words[i], "--") == 0) {
            flags_end = true;
        } else if (!flags_end && strcmp(words[i], "-h") == 0) {
            args.help = true;
        } else if (!flags_end && strncmp(words[i], "--", 2) == 0) {
            if (take_flag(&args, n, words, &i, err) < 0)
                return -1;
        } else if (args.words_n == ARGS_MAX) {
            return err_set(err, ERR_SYNTAX, "too many words");
        } else {
            args.words[args.words_n++] = words[i];
        }
    }
    if (check_words(&args, err) < 0)
        return -1;
    *out = args;
    return 0;
}

static size_t find_flag(const struct args *args, const char *name)
{
    const struct flag *flag;
    size_t i = 0;

    while ((flag = flag_at(args->command, i)) && strcmp(flag->name, name) != 0)
        i++;
    assert(flag && "a flag that is not in the table");
    return i;
}

const char *args_next(const struct args *args, const char *name, size_t *at)
{
    size_t flag = find_flag(args, name);

    while (*at < args->given_n) {
        const struct args_given *given = &args->given[(*at)++];

        if (given->flag == flag)
            return given->value;
    }
    return NULL;
}

const char *args_text(const struct args *args, const char *name)
{
    return args->values[find_flag(args, name)];
}

bool args_switch(const struct args *args, const char *name)
{
    return args_text(args, name) != NULL;
}
