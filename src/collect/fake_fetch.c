#include "collect/fake_fetch.h"

#include <stdio.h>

#include "base/mem.h"
#include "sys/loop.h"

struct fetch_result fake_fetch_answer;
bool fake_fetch_silent, fake_fetch_refuses;
unsigned fake_fetch_started, fake_fetch_alive;
char fake_fetch_request[2000];

struct fetch {
    struct loop_message message;
    struct fetch_request request;
    struct fetch_result result;
};

static void answer(struct loop_message *m)
{
    struct fetch *f = CONTAINER_OF(m, struct fetch, message);

    f->result = fake_fetch_answer;
    f->request.done(f, f->request.arg);
}

/* The fetcher of the tests is their loop. */
int fetch_start(struct fetcher *fetcher, const struct fetch_request *request, struct fetch **out,
                struct err *err)
{
    struct fetch *f;
    int n;

    fake_fetch_started++;
    if (fake_fetch_refuses)
        return err_set(err, ERR_LIMIT, "too many fetches");
    n = snprintf(fake_fetch_request, sizeof fake_fetch_request, "%s", request->url);
    for (size_t i = 0; i < request->headers_n; i++)
        n += snprintf(fake_fetch_request + n, sizeof fake_fetch_request - (size_t)n, "\n%s",
                      request->headers[i]);
    f = mem_new(struct fetch);
    fake_fetch_alive++;
    f->request = *request;
    f->message.run = answer;
    *out = f;
    if (!fake_fetch_silent)
        loop_post((struct loop *)fetcher, &f->message);
    return 0;
}

char *fetch_take_body(struct fetch *f, size_t *n)
{
    *n = f->result.body.n;
    return *n ? mem_dup(f->result.body.p, *n) : NULL;
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    fake_fetch_alive--;
    mem_free(f);
}

void fetch_cancel(struct fetch *f)
{
    fetch_free(f);
}

const struct fetch_result *fetch_result(const struct fetch *f)
{
    return &f->result;
}
