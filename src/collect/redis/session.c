#include "collect/redis/session.h"

#include <assert.h>
#include <hiredis/hiredis.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/talk.h"

#define READ_BYTES 16384
#define WORDS_MAX  8
#define OUT_MAX    (1u << 20) /* of commands that wait to go out */

struct session {
    struct talk *talk;
    struct resp_reader *reader;
    struct arena answers;
    struct buf out;
    const struct clock *clock;
    int64_t deadline_ns;
};

int session_open(const struct session_settings *settings, struct session **out, struct err *err)
{
    struct session *s = mem_new(struct session);

    arena_init(&s->answers, settings->budget);
    buf_init(&s->out, OUT_MAX);
    s->reader = resp_reader_new(&s->answers);
    s->clock = settings->clock;
    s->deadline_ns = settings->deadline_ns;
    if (talk_open(settings->place, settings->tls, settings->clock, settings->deadline_ns, &s->talk,
                  err) < 0) {
        session_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

static void wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap); /* AUTH was in it */
    buf_reset(b);
}

void session_close(struct session *s)
{
    if (!s)
        return;
    talk_close(s->talk);
    resp_reader_free(s->reader);
    arena_fini(&s->answers);
    wipe(&s->out);
    buf_fini(&s->out);
    mem_free(s);
}

struct talk *session_end(struct session *s)
{
    struct talk *talk = s->talk;

    s->talk = NULL;
    session_close(s);
    return talk;
}

int session_ask(struct session *s, const struct str args[], size_t n, struct err *err)
{
    const char *texts[WORDS_MAX];
    size_t sizes[WORDS_MAX];
    char *command;
    int bytes;

    assert(n <= WORDS_MAX); /* no command of ours is longer */
    for (size_t i = 0; i < n; i++) {
        texts[i] = args[i].p;
        sizes[i] = args[i].n;
    }
    bytes = redisFormatCommandArgv(&command, (int)n, texts, sizes);
    if (bytes < 0)
        return err_set(err, ERR_NOMEM, "no memory for a command");
    buf_add(&s->out, (struct str){command, (size_t)bytes});
    explicit_bzero(command, (size_t)bytes);
    redisFreeCommand(command);
    if (s->out.overflowed)
        return err_set(err, ERR_LIMIT, "more than %u bytes of commands at once", OUT_MAX);
    return 0;
}

int session_ask_words(struct session *s, const char *const words[], size_t n, struct err *err)
{
    struct str args[WORDS_MAX];

    assert(n <= WORDS_MAX);
    for (size_t i = 0; i < n; i++)
        args[i] = str_c(words[i]);
    return session_ask(s, args, n, err);
}

static int send_queued(struct session *s, struct err *err)
{
    int rc = 0;

    if (s->out.n > 0)
        rc = talk_write(s->talk, s->out.p, s->out.n, s->deadline_ns, err);
    wipe(&s->out);
    return rc;
}

/* What has come by the deadline counts. A peer that goes on to send is not listened to for longer:
 * to look through a line without an end again with each part of it takes seconds. */
static int read_answer(struct session *s, const struct resp **out, struct err *err)
{
    char part[READ_BYTES];
    size_t n;

    if (send_queued(s, err) < 0)
        return -1;
    for (bool came = false;; came = true) {
        if (resp_next(s->reader, out, err) < 0)
            return -1;
        if (*out)
            return 0;
        if (came && s->clock->mono_ns(s->clock) >= s->deadline_ns)
            return err_set(err, ERR_TIMEOUT, "no answer in time");
        if (talk_read(s->talk, part, sizeof part, &n, s->deadline_ns, err) < 0)
            return -1;
        if (n == 0)
            return err_set(err, ERR_EVAL, "the other side has closed the connection");
        if (resp_feed(s->reader, part, n, err) < 0)
            return -1;
    }
}

int session_answer(struct session *s, const char *what, const struct resp **out, struct err *err)
{
    return read_answer(s, out, err) < 0 ? err_context(err, "%s", what) : 0;
}

void session_forget(struct session *s)
{
    arena_reset(&s->answers);
}
