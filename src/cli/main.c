#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "collect/ssh/worker.h"
#include "sys/helper.h"

static int show_help(const struct command *c, FILE *to)
{
    struct buf out;

    buf_init(&out, 0);
    if (c)
        help_command(c, &out);
    else
        help_overview(&out);
    (void)fwrite(out.p, 1, out.n, to);
    buf_fini(&out);
    return to == stdout ? STATUS_OK : STATUS_USAGE;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int main(int argc, char **argv)
{
    struct args args;
    struct err err = {0};

    /* Two heaps are enough: what is large comes from arenas, which are made on one thread. */
    (void)mallopt(M_ARENA_MAX, 2);
    /* A threshold that stays: malloc's own grows with the largest block freed, after which the
     * heap keeps what a heavy query held. An arena's blocks of full size (arena.h) go back at once,
     * also when queries that rest in turns end in another order than they began. */
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc >= 2 && is_help(argv[1]))
        return show_help(NULL, stdout);
    if (argc == 2 && strcmp(argv[1], "ssh-worker") == 0)
        return worker_run(HELPER_FD); /* no command for people: serve starts it */
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return version_run(NULL);
    if (argc < 2)
        return show_help(NULL, stderr);
    if (args_parse(&args, (size_t)argc - 1, argv + 1, &err) < 0) {
        (void)fprintf(stderr, "earshot: %s\n", err.text);
        return STATUS_USAGE;
    }
    if (args.help)
        return show_help(args.command, stdout);
    return args.command->run(&args);
}
