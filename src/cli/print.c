/* The commands that only print what the program knows of itself. */
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/version.h"

static int print(struct buf *out)
{
    bool written = fwrite(out->p, 1, out->n, stdout) == out->n && fflush(stdout) == 0;

    buf_fini(out);
    return written ? STATUS_OK : STATUS_FAILED;
}

int version_run(const struct args *args)
{
    (void)args;
    return printf("earshot %s\n", EARSHOT_VERSION) > 0 ? STATUS_OK : STATUS_FAILED;
}

int man_run(const struct args *args)
{
    struct buf out;

    (void)args;
    buf_init(&out, 0);
    help_man(&out);
    return print(&out);
}

int completion_run(const struct args *args)
{
    struct buf out;
    struct err err = {0};

    buf_init(&out, 0);
    if (help_completion(args->words[0], &out, &err) < 0) {
        (void)fprintf(stderr, "earshot: %s\n", err.text);
        buf_fini(&out);
        return STATUS_USAGE;
    }
    return print(&out);
}
