/* help: --help, the manual page and completion scripts, all from the table of commands. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/attr.h"

struct buf;
struct command;
struct err;

void help_overview(struct buf *out);
void help_command(const struct command *c, struct buf *out);
/* docs/man/earshot.1 is this text; a test compares them. */
void help_man(struct buf *out);
/* "bash", "zsh", "fish"; else ERR_SYNTAX. */
MUST_USE int help_completion(const char *shell, struct buf *out, struct err *err);

#endif
