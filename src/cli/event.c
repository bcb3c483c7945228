/* earshot event: tells the running earshot of what happened. */
#include "base/err.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"

#define LABELS_MAX 20u

int event_run(const struct args *args)
{
    struct client_param params[LABELS_MAX + 2] = {{"text", args->words[0]},
                                                  {"kind", args_text(args, "kind")}};
    SCOPED(buf_fini) struct buf body = {0};
    struct err err = {.kind = ERR_NONE};
    const char *label;
    size_t n = 2, at = 0;

    while ((label = args_next(args, "label", &at))) {
        if (n == ARRAY_LEN(params)) {
            (void)err_set(&err, ERR_SYNTAX, "--label: more than %u", LABELS_MAX);
            return client_failed(&err);
        }
        params[n++] = (struct client_param){"label", label};
    }
    return client_ask(args, "/api/earshot/v1/events", params, n, &body, &err) < 0
               ? client_failed(&err)
               : STATUS_OK;
}
