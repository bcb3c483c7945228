#include "collect/celery/pushes.h"

#include "base/err.h"

#define ROOM_BYTES 65536u

void pushes_init(struct pushes *p)
{
    *p = (struct pushes){.at = 0};
    buf_init(&p->in, PUSHES_BYTES_MAX + 2 * ROOM_BYTES);
}

void pushes_fini(struct pushes *p)
{
    buf_fini(&p->in);
}

char *pushes_room(struct pushes *p, size_t *cap)
{
    if (p->at > 0) {
        memmove(p->in.p, p->in.p + p->at, p->in.n - p->at);
        p->in.n -= p->at;
        p->at = 0;
    }
    *cap = ROOM_BYTES;
    return buf_reserve(&p->in, ROOM_BYTES);
}

void pushes_fed(struct pushes *p, size_t n)
{
    p->in.n += n;
}

/* ---- one message ---- */

/* What is left of the bytes that are here. */
struct reading {
    struct str rest;
    bool ends_early; /* more must come */
    struct err *err;
};

static int not_redis(const struct reading *r)
{
    return err_set(r->err, ERR_SYNTAX, "what answers there does not speak Redis' protocol");
}

/* A line without its end; -1: there is none yet, or it is too long for one. */
static int read_line(struct reading *r, struct str *out)
{
    const char *end = r->rest.n ? memchr(r->rest.p, '\n', r->rest.n) : NULL;

    if (!end) {
        r->ends_early = true;
        return -1;
    }
    *out = str_take(r->rest, (size_t)(end - r->rest.p));
    r->rest = str_skip(r->rest, out->n + 1);
    if (out->n < 2 || out->p[out->n - 1] != '\r')
        return not_redis(r);
    out->n--;
    return 0;
}

/* The number behind the first letter of a line. */
static int read_count(const struct reading *r, struct str line, size_t max, size_t *out)
{
    size_t n = 0;

    if (line.n < 2 || line.n > 9)
        return not_redis(r);
    for (size_t i = 1; i < line.n; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return not_redis(r);
        n = n * 10 + (size_t)(line.p[i] - '0');
    }
    if (n > max)
        return err_set(r->err, ERR_LIMIT, "a message of more than %u MiB or %d parts",
                       PUSHES_BYTES_MAX >> 20, PUSHES_PARTS_MAX);
    *out = n;
    return 0;
}

static int read_part(struct reading *r, struct str *out)
{
    struct str line;
    size_t n;

    if (read_line(r, &line) < 0)
        return -1;
    if (line.p[0] == ':') {
        *out = str_skip(line, 1);
        return 0;
    }
    if (line.p[0] != '$')
        return not_redis(r);
    if (str_eq(line, STR("$-1"))) {
        *out = STR("");
        return 0;
    }
    if (read_count(r, line, PUSHES_BYTES_MAX, &n) < 0)
        return -1;
    if (r->rest.n < n + 2) {
        r->ends_early = true;
        return -1;
    }
    *out = str_take(r->rest, n);
    if (r->rest.p[n] != '\r' || r->rest.p[n + 1] != '\n')
        return not_redis(r);
    r->rest = str_skip(r->rest, n + 2);
    return 0;
}

static int read_push(struct reading *r, struct push *out)
{
    struct str line;

    *out = (struct push){.is_error = false};
    if (read_line(r, &line) < 0)
        return -1;
    if (line.p[0] == '-' || line.p[0] == '+') {
        out->is_error = line.p[0] == '-';
        out->parts[out->n++] = str_skip(line, 1);
        return 0;
    }
    if (line.p[0] != '*')
        return not_redis(r);
    if (read_count(r, line, PUSHES_PARTS_MAX, &out->n) < 0)
        return -1;
    for (size_t i = 0; i < out->n; i++)
        if (read_part(r, &out->parts[i]) < 0)
            return -1;
    return 0;
}

int pushes_next(struct pushes *p, struct push *out, bool *there, struct err *err)
{
    struct reading r = {.rest = str_skip(buf_str(&p->in), p->at), .err = err};

    *there = false;
    if (read_push(&r, out) == 0) {
        p->at = p->in.n - r.rest.n;
        *there = true;
        return 0;
    }
    if (!r.ends_early)
        return -1;
    if (p->in.n - p->at > PUSHES_BYTES_MAX + ROOM_BYTES)
        return err_set(err, ERR_LIMIT, "a message of more than %u MiB", PUSHES_BYTES_MAX >> 20);
    return 0;
}
