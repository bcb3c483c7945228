#include "collect/celery/listener.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/celery/pushes.h"
#include "collect/redis/login.h"
#include "collect/redis/session.h"
#include "sys/talk.h"

struct listener {
    struct talk *talk; /* owned */
    const struct clock *clock;
    struct pushes pushes;
    unsigned pings; /* that have no answer yet */
};

/* What the server says instead of listening, fit for a message. */
static int refused(struct str words, struct err *err)
{
    char text[160];

    (void)snprintf(text, sizeof text, "%.*s", STR_ARGS(str_take(words, sizeof text - 1)));
    for (char *p = text; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return err_set(err, ERR_EVAL, "PSUBSCRIBE: %s", text);
}

static int take_one(struct listener *l, const struct push *push,
                    void (*see)(void *arg, struct str message), void *arg, struct err *err)
{
    if (push->is_error)
        return refused(push->parts[0], err);
    if (push->n == 4 && str_eq(push->parts[0], STR("pmessage")))
        see(arg, push->parts[3]);
    else if (push->n > 0 && str_eq(push->parts[0], STR("pong")) && l->pings > 0)
        l->pings--;
    return 0;
}

/* All that is here. */
static int take_all(struct listener *l, void (*see)(void *arg, struct str message), void *arg,
                    struct err *err)
{
    struct push push;
    bool there;

    do {
        if (pushes_next(&l->pushes, &push, &there, err) < 0 ||
            (there && take_one(l, &push, see, arg, err) < 0))
            return -1;
    } while (there);
    return 0;
}

int listener_hear(struct listener *l, int64_t deadline_ns,
                  void (*see)(void *arg, struct str message), void *arg, struct err *err)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    bool came = false;

    if (talk_write(l->talk, ping, sizeof ping - 1, deadline_ns, err) < 0)
        return -1;
    for (l->pings++; l->pings > 0; came = true) {
        size_t cap, n;
        char *room = pushes_room(&l->pushes, &cap);

        if (!room)
            return err_set(err, ERR_LIMIT, "a message of more than %u MiB", PUSHES_BYTES_MAX >> 20);
        if (came && l->clock->mono_ns(l->clock) >= deadline_ns)
            return 0; /* the rest next time */
        if (talk_read(l->talk, room, cap, &n, deadline_ns, err) < 0)
            return came && err->kind == ERR_TIMEOUT ? 0 : -1;
        if (n == 0)
            return err_set(err, ERR_EVAL, "Redis has closed the connection");
        pushes_fed(&l->pushes, n);
        if (take_all(l, see, arg, err) < 0)
            return -1;
    }
    return 0;
}

/* Its answer is the first that listener_hear reads. */
static int subscribe(struct listener *l, unsigned db, int64_t deadline_ns, struct err *err)
{
    char pattern[40], command[120];
    int n = snprintf(pattern, sizeof pattern, "/%u.celeryev*", db);

    n = snprintf(command, sizeof command, "*2\r\n$10\r\nPSUBSCRIBE\r\n$%d\r\n%s\r\n", n, pattern);
    return talk_write(l->talk, command, (size_t)n, deadline_ns, err);
}

int listener_open(const struct redis_access *access, const char *socket_path,
                  const struct clock *clock, int64_t deadline_ns, struct arena *scratch,
                  struct listener **out, struct err *err)
{
    struct login login;
    struct listener *l;

    if (login_open(access, socket_path, clock, deadline_ns, scratch, &login, err) < 0)
        return -1;
    l = mem_new(struct listener);
    l->talk = session_end(login.session);
    l->clock = clock;
    pushes_init(&l->pushes);
    if (subscribe(l, login.db, deadline_ns, err) < 0) {
        listener_close(l);
        return err_context(err, "%s", login.place);
    }
    *out = l;
    return 0;
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    talk_close(l->talk);
    pushes_fini(&l->pushes);
    mem_free(l);
}
