/* What http promises in its headers and does not hold yet: honest failures, so that the
 * rest of the program can run. This file goes as soon as it does. */
#include "base/err.h"
#include "http/fetch.h"

int fetcher_new(struct loop *loop, struct log *log, struct fetcher **out, struct err *err)
{
    (void)loop;
    (void)log;
    (void)err;
    *out = NULL;
    return 0;
}

void fetcher_free(struct fetcher *f)
{
    (void)f;
}

int fetch_start(struct fetcher *f, const struct fetch_request *request, struct fetch **out,
                struct err *err)
{
    (void)f;
    (void)request;
    (void)out;
    return err_set(err, ERR_EVAL, "this build cannot scrape");
}

void fetch_cancel(struct fetch *f)
{
    (void)f;
}

const struct fetch_result *fetch_result(const struct fetch *f)
{
    (void)f;
    return NULL;
}

void fetch_free(struct fetch *f)
{
    (void)f;
}
