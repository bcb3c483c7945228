/* Drafts of Redis, PostgreSQL and Celery. */
#include "base/err.h"
#include "collect/recognise/draft_impl.h"
#include "collect/recognise/program.h"
#include "collect/recognise/survey.h"

/* ---- Redis ---- */

/* The same server also listens elsewhere, and that place was told already. */
static bool is_second_place(const struct spots *all, size_t at)
{
    const struct spot *s = &all->items[at];

    for (size_t i = 0; i < at; i++)
        if (all->items[i].kind == s->kind && s->owner && all->items[i].owner == s->owner)
            return true;
    return false;
}

const char *draft_redis_url(struct drafts *d, const struct survey_socket *s)
{
    const char *place = draft_place(d, s);

    return s->port ? draft_line(d, "redis://%s", place) : draft_line(d, "unix://%s", place);
}

static void draft_redis(struct drafts *d, const struct spot *s)
{
    const struct redis_answer *r = &s->redis;
    const char *name = r->valkey ? "Valkey" : "Redis";
    struct found *f;

    if (r->says == REDIS_NOTHING) {
        d->scan->unknown_ports += s->socket->port != 0;
        return;
    }
    f = draft_add(d, draft_id(d, "redis", s->socket), "redis",
                  r->version.n ? draft_line(d, "%s %.*s", name, STR_ARGS(r->version)) : name);
    if (!f)
        return;
    draft_set_place(d, f, s->socket);
    f->url = draft_redis_url(d, s->socket);
    f->kind = "redis";
    f->entry = draft_entry(d, "url", f->url);
    switch (r->says) {
    case REDIS_PASSWORD:
        f->evidence = draft_line(d, "%s and asks for a password", draft_listens(d, s));
        f->needs = draft_line(d,
                              "its password: write it into a file and add, under collect.redis, "
                              "{url: %s, password_file: THAT FILE}",
                              f->url);
        break;
    case REDIS_PROTECTED:
        f->evidence = draft_line(d, "%s and refuses us in its protected mode", draft_listens(d, s));
        f->needs = "a bind address or a password in its configuration (redis.conf: bind, "
                   "requirepass)";
        break;
    default:
        f->evidence = draft_line(d, "%s and %s", draft_listens(d, s),
                                 r->says == REDIS_PONG ? "answered PING" : "is loading its data");
        f->watched = "memory, clients, commands, keys";
        d->redis_in = true;
    }
}

/* ---- PostgreSQL ---- */

static struct str folder_of(struct str path)
{
    struct str base = program_base(path);

    return str_take(path, path.n - base.n > 1 ? path.n - base.n - 1 : path.n - base.n);
}

/* Of ".s.PGSQL.5432". */
static struct str port_of(struct str path)
{
    struct str rest = path, last = path;

    while (rest.p)
        last = str_split(&rest, '.');
    return last;
}

static const char *postgres_url(struct drafts *d, const struct spot *s, const char *user)
{
    if (s->socket->port)
        return draft_line(d, "postgresql://%s@%s/postgres", user, draft_place(d, s->socket));
    return draft_line(d, "postgresql://%s@/postgres?host=%.*s&port=%.*s", user,
                      STR_ARGS(folder_of(s->socket->path)), STR_ARGS(port_of(s->socket->path)));
}

/* The way in that is best: one that lets us in, else one that wants a password. */
static bool is_better(const struct spot *a, const struct spot *b)
{
    static const int rank[] = {
        [POSTGRES_NOTHING] = 0, [POSTGRES_NO] = 1, [POSTGRES_PASSWORD] = 2, [POSTGRES_IN] = 3};

    return rank[a->postgres.says] > rank[b->postgres.says];
}

/* A server has a TCP port and a Unix socket of the same number. */
static unsigned number_of(const struct spot *s)
{
    unsigned n = s->socket->port;
    struct str digits = port_of(s->socket->path);

    for (size_t i = 0; !s->socket->port && i < digits.n && i < 5; i++)
        n = digits.p[i] >= '0' && digits.p[i] <= '9' ? n * 10 + (unsigned)(digits.p[i] - '0') : n;
    return n;
}

static void draft_postgres(struct drafts *d, const struct spot *s)
{
    const struct postgres_answer *p = &s->postgres;
    const char *user = p->says == POSTGRES_IN ? s->postgres_user : "earshot";
    struct found *f;

    if (p->says == POSTGRES_NOTHING) {
        d->scan->unknown_ports += s->socket->port != 0;
        return;
    }
    f = draft_add(d, draft_line(d, "postgres-%u", number_of(s)), "postgres",
                  p->version.n
                      ? draft_line(d, "PostgreSQL %.*s", STR_ARGS(str_take(p->version, 32)))
                      : "PostgreSQL");
    if (!f)
        return;
    f->port = (uint16_t)number_of(s);
    f->path = s->socket->port ? NULL : draft_place(d, s->socket);
    f->url = postgres_url(d, s, user);
    f->kind = "postgres";
    f->entry = draft_entry(d, "url", f->url);
    if (p->says == POSTGRES_IN) {
        f->evidence =
            draft_line(d, "%s and let user %s in without a password", draft_listens(d, s), user);
        f->watched = "connections, sizes, transactions, tables";
        d->postgres_in = true;
    } else if (p->says == POSTGRES_PASSWORD) {
        f->evidence = draft_line(d, "%s and asks for a password", draft_listens(d, s));
        f->needs = draft_line(d,
                              "a user and its password: CREATE ROLE earshot LOGIN PASSWORD '...'; "
                              "GRANT pg_monitor TO earshot; then add, under collect.postgres, "
                              "{url: '%s', password_file: A FILE WITH IT}",
                              f->url);
    } else {
        f->evidence = draft_line(d, "%s and says: %.*s", draft_listens(d, s), STR_ARGS(p->why));
        f->needs =
            draft_line(d,
                       "a user that it lets in: CREATE ROLE %s LOGIN; GRANT pg_monitor TO %s; "
                       "then look again",
                       d->context->user, d->context->user);
    }
}

/* ---- Celery ---- */

static bool is_worker(const struct survey_process *p)
{
    return str_starts(p->words, STR("[celeryd: ")) || /* its own title, where it can set one */
           (program_has_word(p, STR("worker")) && program_has_word(p, STR("celery")));
}

bool draft_is_connected(const struct survey_process *p, uint16_t port)
{
    for (size_t i = 0; i < p->peers_n; i++)
        if (p->peers[i] == port)
            return true;
    return false;
}

struct workers {
    const struct survey_process *first;
    size_t n;
    struct str queues; /* of the first that names some */
};

static void find_workers(const struct drafts *d, uint16_t port, struct workers *out)
{
    *out = (struct workers){.n = 0, .queues = STR("")};
    for (size_t i = 0; i < d->survey->processes_n; i++) {
        const struct survey_process *p = &d->survey->processes[i];
        struct str queues;

        if (!is_worker(p) || (port && !draft_is_connected(p, port)))
            continue;
        out->n++;
        if (!out->first)
            out->first = p;
        queues = program_option(p, "-Q", "--queues");
        if (queues.n && !out->queues.n)
            out->queues = queues;
    }
}

#define QUEUE_NAME_MAX 200

/* One that an entry can hold; a longer name would make all of the entry too long. */
static bool is_queue(struct str name)
{
    return name.n <= QUEUE_NAME_MAX && draft_is_plain(name);
}

/* Those that workers name, then those that the broker knows. */
static void add_queues(struct buf *b, struct str named, const struct redis_answer *r)
{
    struct str all[PROBE_QUEUES_MAX * 2];
    size_t n = 0;

    while (named.n && n < PROBE_QUEUES_MAX) {
        struct str one = str_trim(str_split(&named, ','));

        if (is_queue(one) && !draft_is_listed(all, n, one))
            all[n++] = one;
        if (!named.p)
            break;
    }
    for (size_t i = 0; i < r->queues_n && n < ARRAY_LEN(all); i++)
        if (is_queue(r->queues[i]) && !draft_is_listed(all, n, r->queues[i]))
            all[n++] = r->queues[i];
    if (n == 0)
        all[n++] = STR("celery");
    buf_adds(b, "queues: [");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_adds(b, ", ");
        draft_quote(b, all[i]);
    }
    buf_addc(b, ']');
}

static const struct spot *find_flower(const struct drafts *d)
{
    for (size_t i = 0; i < d->spots->n; i++) {
        const struct spot *s = &d->spots->items[i];

        if (s->kind == SPOT_HTTP && s->tally.same_as && strcmp(s->tally.same_as, "flower_") == 0)
            return s;
    }
    return NULL;
}

/* Its workers and tasks, for the first Celery that is found: Flower does not say whose it is. */
static void add_flower(struct drafts *d, struct found *f)
{
    const struct spot *flower = d->flower ? NULL : find_flower(d);
    const char *place;
    struct buf options;

    if (!flower)
        return;
    d->flower = flower;
    place = draft_place(d, flower->socket);
    f->evidence = draft_line(d, "%s; Flower listens on %s", f->evidence, place);
    f->watched = "queue length and age, workers and tasks";
    buf_init(&options, DRAFT_ENTRY_MAX);
    buf_addf(&options, "%s, flower: 'http://%s/metrics'", f->options, place);
    f->options = draft_keep(d, &options);
    buf_fini(&options);
}

static void draft_celery(struct drafts *d, const struct spot *s)
{
    const struct redis_answer *r = &s->redis;
    struct workers workers;
    struct buf entry;
    struct found *f;

    find_workers(d, s->socket->port, &workers);
    if (r->says != REDIS_PONG || (!workers.n && r->queues_db < 0))
        return;
    f = draft_add(d, draft_id(d, "celery", s->socket), "celery", "Celery");
    if (!f)
        return;
    draft_set_place(d, f, s->socket);
    f->url = draft_line(d, "%s%s%d", draft_redis_url(d, s->socket),
                        s->socket->port ? "/" : "?db=", r->queues_db < 0 ? 0 : r->queues_db);
    if (workers.n)
        f->evidence = draft_line(
            d, "%zu worker process%s, the first %s, connected to the Redis on %s", workers.n,
            workers.n == 1 ? "" : "es", draft_who(d, workers.first), draft_place(d, s->socket));
    else
        f->evidence =
            draft_line(d, "the Redis on %s has its queues (_kombu.binding.* in database %d)",
                       draft_place(d, s->socket), r->queues_db);
    f->watched = "queue length and age, tasks that workers hold";
    f->kind = "celery";
    buf_init(&entry, DRAFT_ENTRY_MAX);
    buf_adds(&entry, "broker: ");
    draft_quote(&entry, str_c(f->url));
    buf_addc(&entry, '\n');
    add_queues(&entry, workers.queues, r);
    f->entry = draft_keep(d, &entry);
    f->options = strchr(f->entry, '\n') + 1;
    buf_fini(&entry);
    add_flower(d, f);
}

/* Workers whose broker is elsewhere. */
void draft_lost_workers(struct drafts *d)
{
    struct workers workers;
    struct found *f;

    find_workers(d, 0, &workers);
    for (size_t i = 0; i < d->scan->n; i++)
        if (strcmp(d->scan->items[i].pack, "celery") == 0)
            return;
    if (!workers.n || !(f = draft_add(d, "celery", "celery", "Celery")))
        return;
    f->evidence = draft_line(d, "%zu worker process%s, the first %s", workers.n,
                             workers.n == 1 ? "" : "es", draft_who(d, workers.first));
    f->kind = "celery";
    f->needs = "its broker, which is no open Redis of this host: add, under collect.celery, "
               "{broker: 'redis://HOST:6379/0'}";
}

/* ---- all three ---- */

void draft_databases(struct drafts *d)
{
    const struct spots *all = d->spots;

    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].kind == SPOT_REDIS && !is_second_place(all, i))
            draft_redis(d, &all->items[i]);
    for (size_t i = 0; i < all->n; i++) {
        const struct spot *best = &all->items[i];
        bool first = best->kind == SPOT_POSTGRES;

        for (size_t k = 0; k < all->n && first; k++) {
            const struct spot *other = &all->items[k];

            if (other->kind != SPOT_POSTGRES || number_of(other) != number_of(&all->items[i]))
                continue;
            first = k >= i; /* the others of it were told with the first */
            if (is_better(other, best))
                best = other;
        }
        if (first)
            draft_postgres(d, best);
    }
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].kind == SPOT_REDIS && !is_second_place(all, i))
            draft_celery(d, &all->items[i]);
}
