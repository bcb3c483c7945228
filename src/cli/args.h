/* args: the command line, read by a table of commands and flags.
 *
 * The same table makes --help, completion and the man page (help.h), so that none of them can be
 * wrong about a flag. Flags are `--flag value`, `--flag=value`, and anywhere among the words; `--`
 * ends them.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;

enum exit_status {
    STATUS_OK = 0,
    STATUS_FAILED = 1, /* it was tried, and failed */
    STATUS_USAGE = 2,  /* command line or configuration */
    STATUS_DATA = 3,   /* the data directory */
};

struct flag {
    const char *name;  /* without dashes */
    const char *value; /* "ADDRESS:PORT"; NULL: a switch */
    const char *help;
};

struct args;

struct command {
    const char *name;         /* "query", "tsdb stat" */
    const char *words;        /* "EXPR"; NULL: none */
    const char *summary;      /* one line, no full stop */
    const char *details;      /* paragraphs for --help and the man page; NULL: none */
    const struct flag *flags; /* [flags_n] */
    size_t flags_n;
    bool client; /* asks a running earshot: client flags too */
    size_t words_min, words_max;
    int (*run)(const struct args *args); /* an exit_status */
};

extern const struct command commands[];
extern const size_t commands_n;
/* Of all commands with `client`. */
extern const struct flag client_flags[];
extern const size_t client_flags_n;

#define ARGS_MAX 64

/* A flag as it was given. */
struct args_given {
    size_t flag; /* of the command, then of the client */
    const char *value;
};

struct args {
    const struct command *command;
    const char *values[ARGS_MAX]; /* by flag: of the command, then of the client */
    struct args_given given[ARGS_MAX];
    size_t given_n;
    const char *words[ARGS_MAX];
    size_t words_n;
    bool help;
};

/* `words` are those after the program's name. Unknown commands and flags come with a suggestion.
 * No words at all give ERR_SYNTAX without text. */
MUST_USE int args_parse(struct args *out, size_t n, char *const words[], struct err *err);

/* The values of a flag that may be given several times, one after the other; *at begins at 0. NULL:
 * that was the last. */
const char *args_next(const struct args *args, const char *flag, size_t *at);
/* The flag's value, that given last, NULL when it was not given. The flag must be in the command's
 * table. */
const char *args_text(const struct args *args, const char *flag);
bool args_switch(const struct args *args, const char *flag);

#endif
