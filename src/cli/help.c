#include "cli/help.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/version.h"

static const char exit_text[] =
    "0 done; 1 it failed, or what was checked is not well; 2 command line or configuration; 3 data "
    "directory. status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.";

/* Calls `each` for all flags of a command. */
static void each_flag(const struct command *c, void (*each)(const struct flag *f, struct buf *out),
                      struct buf *out)
{
    for (size_t i = 0; i < c->flags_n; i++)
        each(&c->flags[i], out);
    for (size_t i = 0; c->client && i < client_flags_n; i++)
        each(&client_flags[i], out);
}

/* --- --help -------------------------------------------------------------------------------------
 */

void help_overview(struct buf *out)
{
    buf_adds(out, "earshot watches this host and what you point it at, and answers PromQL.\n\n"
                  "usage: earshot COMMAND [WORD...] [--FLAG...]\n\n");
    for (size_t i = 0; i < commands_n; i++) {
        char left[64];

        (void)snprintf(left, sizeof left, "%s%s%s", commands[i].name, commands[i].words ? " " : "",
                       commands[i].words ? commands[i].words : "");
        buf_addf(out, "  %-18s %s\n", left, commands[i].summary);
    }
    buf_adds(out, "\nearshot COMMAND --help tells more. Begin with: earshot serve\n");
}

/* Words of `text`, from column `indent` on, no line beyond column 100. */
static void wrap(const char *text, size_t indent, struct buf *out)
{
    size_t column = indent;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (column > indent && column + n + 1 > 100) {
            buf_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        if (column > indent) {
            buf_addc(out, ' ');
            column++;
        }
        buf_add(out, (struct str){text, n});
        column += n;
        text += n;
        text += strspn(text, " ");
    }
    buf_addc(out, '\n');
}

static void flag_line(const struct flag *f, struct buf *out)
{
    char left[64];

    (void)snprintf(left, sizeof left, "--%s%s%s", f->name, f->value ? " " : "",
                   f->value ? f->value : "");
    buf_addf(out, "  %-28s ", left);
    wrap(f->help, 31, out);
}

void help_command(const struct command *c, struct buf *out)
{
    buf_addf(out, "earshot %s: %s\n\nusage: earshot %s%s%s%s\n", c->name, c->summary, c->name,
             c->words ? " " : "", c->words ? c->words : "",
             c->flags_n > 0 || c->client ? " [--FLAG...]" : "");
    if (c->flags_n > 0 || c->client)
        buf_addc(out, '\n');
    each_flag(c, flag_line, out);
    if (c->details) {
        buf_addc(out, '\n');
        wrap(c->details, 0, out);
    }
}

/* --- the manual page ----------------------------------------------------------------------------
 */

/* Text for roff: backslashes, dashes and a leading dot or quote are its own characters. */
static void roff(const char *text, struct buf *out)
{
    size_t column = 0;

    for (const char *start = text; *text; text++) {
        if (*text == ' ' && column + 1 + strcspn(text + 1, " ") > 72) {
            buf_addc(out, '\n');
            column = 0;
            continue;
        }
        if ((text == start || column == 0) && (*text == '.' || *text == '\''))
            buf_adds(out, "\\&");
        column++;
        if (*text == '\\')
            buf_adds(out, "\\e");
        else if (*text == '-')
            buf_adds(out, "\\-");
        else
            buf_addc(out, *text);
    }
}

static void man_flag(const struct flag *f, struct buf *out)
{
    buf_adds(out, ".TP\n\\fB\\-\\-");
    roff(f->name, out);
    buf_adds(out, "\\fR");
    if (f->value) {
        buf_adds(out, " \\fI");
        roff(f->value, out);
        buf_adds(out, "\\fR");
    }
    buf_addc(out, '\n');
    roff(f->help, out);
    buf_addc(out, '\n');
}

static void man_command(const struct command *c, struct buf *out)
{
    buf_adds(out, ".SS earshot ");
    roff(c->name, out);
    if (c->words)
        buf_addf(out, " %s", c->words);
    buf_addc(out, '\n');
    for (const char *p = c->summary; *p; p++)
        buf_addc(out, p == c->summary ? (char)toupper((unsigned char)*p) : *p);
    buf_adds(out, ".\n");
    if (c->details) {
        roff(c->details, out);
        buf_addc(out, '\n');
    }
    for (size_t i = 0; i < c->flags_n; i++)
        man_flag(&c->flags[i], out);
}

void help_man(struct buf *out)
{
    buf_addf(out,
             ".TH EARSHOT 1 2026-11-21 \"earshot %s\" \"User Commands\"\n"
             ".SH NAME\nearshot \\- monitoring in one program\n"
             ".SH SYNOPSIS\n.B earshot\n.I COMMAND\n[\\fIWORD\\fR...] [\\fB\\-\\-\\fIFLAG\\fR...]\n"
             ".SH DESCRIPTION\n"
             "earshot collects this host and what you point it at, stores it, and answers\n"
             "PromQL on Prometheus' HTTP API and on a page of its own.\n"
             "It needs no configuration.\n"
             ".SH COMMANDS\n",
             EARSHOT_VERSION);
    for (size_t i = 0; i < commands_n; i++)
        man_command(&commands[i], out);
    buf_adds(out, ".SH CLIENT FLAGS\nquery, targets and status ask a running earshot:\n");
    for (size_t i = 0; i < client_flags_n; i++)
        man_flag(&client_flags[i], out);
    buf_adds(out, ".SH EXIT STATUS\n");
    roff(exit_text, out);
    buf_adds(out,
             "\n.SH ENVIRONMENT\n.TP\nNO_COLOR\nWhen set, graphs are drawn without colours.\n");
}

/* --- completion ---------------------------------------------------------------------------------
 */

static void bash_flag(const struct flag *f, struct buf *out)
{
    buf_addf(out, " --%s", f->name);
}

/* First words of commands, each once. */
static void first_words(struct buf *out)
{
    for (size_t i = 0; i < commands_n; i++) {
        size_t n = strcspn(commands[i].name, " ");

        if (i == 0 || strncmp(commands[i].name, commands[i - 1].name, n + 1) != 0)
            buf_addf(out, " %.*s", (int)n, commands[i].name);
    }
}

/* The first words of commands of two words, each once, with what may follow. */
static void each_group(void (*add)(struct str first, struct str seconds, struct buf *out),
                       struct buf *out)
{
    for (size_t i = 0, k; i < commands_n; i = k) {
        const char *space = strchr(commands[i].name, ' ');
        size_t n = space ? (size_t)(space - commands[i].name) + 1 : 0;
        SCOPED(buf_fini) struct buf seconds = {0};

        for (k = i; n && k < commands_n && strncmp(commands[k].name, commands[i].name, n) == 0; k++)
            buf_addf(&seconds, "%s%s", k > i ? " " : "", commands[k].name + n);
        if (n)
            add(str_take(str_c(commands[i].name), n - 1), buf_str(&seconds), out);
        else
            k = i + 1;
    }
}

static void bash_group(struct str first, struct str seconds, struct buf *out)
{
    (void)seconds;
    if (buf_str(out).p[out->n - 1] != ' ')
        buf_addc(out, '|');
    buf_add(out, first);
}

static void bash_group_words(struct str first, struct str seconds, struct buf *out)
{
    buf_addf(out, "    %.*s)\n        words='%.*s --help' ;;\n", STR_ARGS(first),
             STR_ARGS(seconds));
}

static void completion_bash(struct buf *out)
{
    buf_adds(out,
             "# bash completion for earshot\n_earshot()\n{\n"
             "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
             "    case ${COMP_WORDS[COMP_CWORD-1]} in\n"
             "    --config|--prometheus-config|--token-file)\n"
             "        COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
             "    --data)\n"
             "        COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n"
             "    --output)\n"
             "        COMPREPLY=($(compgen -W 'table graph csv json' -- \"$word\")); return ;;\n"
             "    esac\n"
             "    local command=${COMP_WORDS[1]}\n"
             "    [ \"$COMP_CWORD\" -gt 2 ] && case $command in ");
    each_group(bash_group, out);
    buf_adds(out, ") command+=\" ${COMP_WORDS[2]}\" ;; esac\n    case $command in\n");
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *c = &commands[i];

        buf_adds(out, "    '");
        buf_adds(out, c->name);
        buf_adds(out, strchr(c->name, ' ') ? "'*)\n        words='" : "')\n        words='");
        each_flag(c, bash_flag, out);
        if (strcmp(c->name, "completion") == 0)
            buf_adds(out, " bash zsh fish");
        buf_adds(out, " --help' ;;\n");
    }
    each_group(bash_group_words, out);
    buf_adds(out, "    *)\n        words='");
    first_words(out);
    buf_adds(out, " --help' ;;\n    esac\n"
                  "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                  "    [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- \"$word\"))\n"
                  "}\ncomplete -F _earshot earshot\n");
}

/* zsh runs bash's script through its own emulation. */
static void completion_zsh(struct buf *out)
{
    buf_adds(out, "#compdef earshot\nautoload -U +X bashcompinit && bashcompinit\n");
    completion_bash(out);
}

static void fish_quoted(const char *text, struct buf *out)
{
    buf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buf_addc(out, '\\');
        buf_addc(out, *text);
    }
    buf_addc(out, '\'');
}

static void fish_group(struct str first, struct str seconds, struct buf *out)
{
    buf_addf(out,
             "complete -c earshot -n '__fish_seen_subcommand_from %.*s; and not "
             "__fish_seen_subcommand_from %.*s' -f -a '%.*s'\n",
             STR_ARGS(first), STR_ARGS(seconds), STR_ARGS(seconds));
}

static void fish_flag(const struct command *c, const struct flag *f, struct buf *out)
{
    const char *space = strchr(c->name, ' ');

    buf_addf(out, "complete -c earshot -n '__fish_seen_subcommand_from %.*s",
             (int)strcspn(c->name, " "), c->name);
    if (space)
        buf_addf(out, "; and __fish_seen_subcommand_from %s", space + 1);
    buf_addf(out, "' -l %s ", f->name);
    if (strcmp(f->name, "output") == 0)
        buf_adds(out, "-x -a 'table graph csv json' ");
    else if (f->value)
        buf_adds(out, "-r ");
    buf_adds(out, "-d ");
    fish_quoted(f->help, out);
    buf_addc(out, '\n');
}

static void completion_fish(struct buf *out)
{
    buf_adds(out,
             "# fish completion for earshot\ncomplete -c earshot -n __fish_use_subcommand -f -a '");
    first_words(out);
    buf_adds(out, "'\n"
                  "complete -c earshot -n '__fish_seen_subcommand_from completion' -f"
                  " -a 'bash zsh fish'\n");
    each_group(fish_group, out);
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *c = &commands[i];

        for (size_t k = 0; k < c->flags_n + (c->client ? client_flags_n : 0); k++)
            fish_flag(c, k < c->flags_n ? &c->flags[k] : &client_flags[k - c->flags_n], out);
    }
}

int help_completion(const char *shell, struct buf *out, struct err *err)
{
    static const struct {
        const char *shell;
        void (*print)(struct buf *out);
    } shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].print(out);
            return 0;
        }
    }
    return err_set(err, ERR_SYNTAX, "completion: unknown shell \"%.60s\" (bash, zsh, fish)", shell);
}
