#include "collect/docker/engine.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/answer.h"
#include "http/bodies.h"
#include "http/intake.h"
#include "sys/talk.h"

#define TARGET_MAX 200
#define READ_BYTES 16384

struct engine {
    char *path; /* owned */
    const struct clock *clock;
    int64_t deadline_ns;
    struct talk *talk; /* NULL: the other side has ended the connection */
    bool used;         /* an answer has come over it */
    struct bodies *bodies;
    struct intake body;
    struct answer answer;
};

static int connect_to(struct engine *e, struct err *err)
{
    const struct talk_place place = {.path = e->path};

    e->used = false;
    return talk_open(&place, NULL, e->clock, e->deadline_ns, &e->talk, err);
}

int engine_open(const char *path, const struct clock *clock, int64_t deadline_ns,
                struct engine **out, struct err *err)
{
    struct engine *e = mem_new(struct engine);

    e->path = mem_strdup(path);
    e->clock = clock;
    e->deadline_ns = deadline_ns;
    e->bodies = bodies_new();
    intake_init(&e->body, e->bodies, ENGINE_BODY_MAX);
    if (connect_to(e, err) < 0) {
        engine_close(e);
        return -1;
    }
    *out = e;
    return 0;
}

static void hang_up(struct engine *e)
{
    talk_close(take(e->talk));
}

void engine_close(struct engine *e)
{
    if (!e)
        return;
    hang_up(e);
    intake_fini(&e->body);
    bodies_unref(e->bodies);
    mem_free(e->path);
    mem_free(e);
}

static int odd(const struct engine *e, enum answer_end end, struct err *err)
{
    if (e->body.too_large)
        return err_set(err, ERR_LIMIT, "the answer is larger than %u MB", ENGINE_BODY_MAX >> 20);
    if (e->body.no_memory)
        return err_set(err, ERR_NOMEM, "no memory for the answer");
    if (end == ANSWER_ENDLESS)
        return err_set(err, ERR_LIMIT, "the answer does not come to an end");
    return err_set(err, ERR_SYNTAX, "what answers there is no Docker or Podman: it is no HTTP");
}

/* *gone: the connection had ended before a byte of the answer came. */
static int read_answer(struct engine *e, bool *gone, struct err *err)
{
    char piece[READ_BYTES];
    bool any = false;
    size_t n;

    *gone = false;
    for (;;) {
        enum answer_end end;

        if (talk_read(e->talk, piece, sizeof piece, &n, e->deadline_ns, err) < 0) {
            *gone = !any && err->kind == ERR_OS;
            return -1;
        }
        if (n == 0) {
            if (any && answer_finish(&e->answer))
                return 0;
            *gone = !any;
            return err_set(err, ERR_EVAL, "the other side has ended the connection");
        }
        any = true;
        end = answer_feed(&e->answer, (struct str){piece, n});
        if (end == ANSWER_WHOLE)
            return 0;
        if (end != ANSWER_MORE)
            return odd(e, end, err);
    }
}

static int ask(struct engine *e, struct str request, bool *gone, struct err *err)
{
    *gone = false;
    if (!e->talk && connect_to(e, err) < 0)
        return -1;
    intake_drop(&e->body);
    answer_init(&e->answer, &e->body, false);
    if (talk_write(e->talk, request.p, request.n, e->deadline_ns, err) < 0)
        return -1;
    return read_answer(e, gone, err);
}

int engine_get(struct engine *e, const char *target, int *status, struct str *body, struct err *err)
{
    char request[TARGET_MAX];
    bool gone, again = e->used;
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: earshot\r\n\r\n", target);
    int rc;

    if (n >= TARGET_MAX)
        return err_set(err, ERR_LIMIT, "the request is too long");
    rc = ask(e, (struct str){request, (size_t)n}, &gone, err);
    if (rc < 0 && gone && again) { /* it had been kept for too long */
        hang_up(e);
        rc = ask(e, (struct str){request, (size_t)n}, &gone, err);
    }
    if (rc < 0 || !e->answer.keeps)
        hang_up(e);
    e->used = e->talk != NULL;
    if (rc < 0)
        return -1;
    *status = e->answer.status;
    *body = (struct str){e->body.p ? e->body.p : "", e->body.n};
    return 0;
}

int engine_refused(int status, struct str body, struct err *err)
{
    body = str_take(str_trim(body), 160);
    return err_set(err, ERR_EVAL, "the engine answers with status %d%s%.*s", status,
                   body.n ? ": " : "", STR_ARGS(body));
}
