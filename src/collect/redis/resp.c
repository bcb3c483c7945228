#include "collect/redis/resp.h"

#include <hiredis/read.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

struct resp_reader {
    redisReader *reader; /* owned */
    struct arena *arena;
    size_t pending; /* bytes fed since the last whole reply */
    struct err err; /* why one of the makers below gave none */
    bool failed;
};

/* ---- what hiredis calls ---- */

static struct resp_reader *reader_of(const redisReadTask *task)
{
    return task->privdata;
}

/* Makes the reply, and puts it into the array that it is an element of. NULL ends the reading. */
static struct resp *make(const redisReadTask *task, enum resp_kind kind)
{
    struct resp_reader *r = reader_of(task);
    struct resp *reply = arena_new(r->arena, struct resp, &r->err);

    if (!reply) {
        r->failed = true;
        return NULL;
    }
    reply->kind = kind;
    if (task->parent)
        ((struct resp *)task->parent->obj)->items[task->idx] = reply;
    return reply;
}

static void *make_text(const redisReadTask *task, char *p, size_t n)
{
    struct resp *reply = make(task, task->type == REDIS_REPLY_ERROR    ? RESP_ERROR
                                    : task->type == REDIS_REPLY_STATUS ? RESP_STATUS
                                                                       : RESP_TEXT);
    struct resp_reader *r = reader_of(task);

    if (!reply)
        return NULL;
    reply->text = arena_str(r->arena, (struct str){p, n}, &r->err);
    r->failed = !reply->text.p;
    return reply->text.p ? reply : NULL;
}

static void *make_list(const redisReadTask *task, int n)
{
    struct resp_reader *r = reader_of(task);
    struct resp *reply;

    if (n > RESP_ITEMS_MAX) {
        (void)err_set(&r->err, ERR_LIMIT, "a list of more than %d elements", RESP_ITEMS_MAX);
        r->failed = true;
        return NULL;
    }
    reply = make(task, RESP_LIST);
    if (!reply)
        return NULL;
    reply->n = (size_t)n;
    reply->items = arena_new_array(r->arena, struct resp *, reply->n, &r->err);
    r->failed = !reply->items;
    return reply->items ? reply : NULL;
}

static void *make_number(const redisReadTask *task, long long value)
{
    struct resp *reply = make(task, RESP_NUMBER);

    if (reply)
        reply->number = value;
    return reply;
}

static void *make_none(const redisReadTask *task)
{
    return make(task, RESP_NONE);
}

static void leave(void *reply)
{
    (void)reply; /* the arena's */
}

static redisReplyObjectFunctions makers = {make_text, make_list, make_number, make_none, leave};

/* ---- the face ---- */

struct resp_reader *resp_reader_new(struct arena *a)
{
    struct resp_reader *r = mem_new(struct resp_reader);

    r->arena = a;
    r->reader = redisReaderCreateWithFunctions(&makers);
    if (r->reader)
        r->reader->privdata = r;
    return r;
}

void resp_reader_free(struct resp_reader *r)
{
    if (!r)
        return;
    redisReaderFree(r->reader);
    mem_free(r);
}

int resp_feed(struct resp_reader *r, const char *p, size_t n, struct err *err)
{
    r->pending += n;
    if (r->pending > RESP_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "an answer of more than %u MiB", RESP_BYTES_MAX >> 20);
    if (!r->reader || redisReaderFeed(r->reader, p, n) != REDIS_OK)
        return err_set(err, ERR_NOMEM, "no memory for the answer");
    return 0;
}

int resp_next(struct resp_reader *r, const struct resp **out, struct err *err)
{
    void *reply = NULL;

    if (!r->reader)
        return err_set(err, ERR_NOMEM, "no memory for the answer");
    if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
        if (r->failed) {
            *err = r->err;
            return -1;
        }
        return err_set(err, ERR_SYNTAX, "what answers there does not speak Redis' protocol");
    }
    if (reply)
        r->pending = r->reader->len - r->reader->pos;
    *out = reply;
    return 0;
}
