#include "collect/postgres/backend.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/postgres/libpq.h"
#include "collect/postgres/tuples.h"

/* Far above what we ask for ourselves; a person's SQL with so many columns is a mistake. */
#define COLUMNS_MAX 64
/* A reading never queues behind an ALTER for longer than this. */
#define LOCK_TIMEOUT_MS 500
#define WORDS_BYTES     360

#define READ_ONLY_SQL_TRANSACTION "25006"
#define QUERY_CANCELED            "57014"
#define LOCK_NOT_AVAILABLE        "55P03"
#define INSUFFICIENT_PRIVILEGE    "42501"

struct backend {
    const struct libpq *pq;
    PGconn *pg;             /* owned; NULL: closed */
    char *shown, *password; /* owned */
    int64_t timeout_ms;     /* of the transaction's statements */
};

int64_t backend_left_ms(const struct backend_deadline *d)
{
    int64_t left = d->at_ns - d->clock->mono_ns(d->clock);

    return left > 0 ? left / 1000000 : 0;
}

/* ---- words ---- */

static void wipe(char *password)
{
    if (password)
        explicit_bzero(password, strlen(password));
    mem_free(password);
}

/* Lines become one; the password, should it be there, is cut out. */
static void say(const struct backend *c, const char *text, char out[WORDS_BYTES])
{
    size_t password_n = c->password ? strlen(c->password) : 0, n = 0;

    for (const char *p = text; *p && n + 12 < WORDS_BYTES;) {
        if (password_n && strncmp(p, c->password, password_n) == 0) {
            memcpy(out + n, "<secret>", 8);
            n += 8;
            p += password_n;
        } else if (*p == '\n') {
            p += strspn(p, "\n\t ");
            if (*p) {
                out[n++] = ';';
                out[n++] = ' ';
            }
        } else {
            out[n++] = *p++;
        }
    }
    out[n] = '\0';
}

/* Without what libpq puts in front: where the server is, is said in our words already. */
static const char *skip_preamble(const char *text)
{
    static const char *const severities[] = {"FATAL:  ", "ERROR:  "};
    const char *failed = strstr(text, " failed: ");

    if (strncmp(text, "connection to server ", 21) == 0 && failed)
        text = failed + 9;
    for (size_t i = 0; i < ARRAY_LEN(severities); i++)
        if (strncmp(text, severities[i], strlen(severities[i])) == 0)
            return text + strlen(severities[i]);
    return text;
}

static void shut(struct backend *c)
{
    if (c->pg)
        c->pq->PQfinish(c->pg);
    c->pg = NULL;
}

/* The connection is of no use any more. */
static int lose(struct backend *c, struct err *err)
{
    const char *text = skip_preamble(c->pq->PQerrorMessage(c->pg));
    char words[WORDS_BYTES];

    if (strstr(text, "no password supplied"))
        text = "the server asks for a password; give one with password or password_file";
    say(c, *text ? text : "the connection was lost", words);
    shut(c);
    return err_set(err, ERR_OS, "%s: %s", c->shown, words);
}

static int give_up(struct backend *c, const char *doing, struct err *err)
{
    shut(c);
    return err_set(err, ERR_TIMEOUT, "%s: no answer within the timeout (%s)", c->shown, doing);
}

static int refused(struct backend *c, const PGresult *result, struct err *err)
{
    const char *state = c->pq->PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = c->pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char words[WORDS_BYTES];

    say(c, primary ? primary : "refused without a reason", words);
    if (!state)
        state = "";
    if (strcmp(state, READ_ONLY_SQL_TRANSACTION) == 0)
        return err_set(err, ERR_EVAL, "it writes, and only reading is allowed: %s", words);
    if (strcmp(state, QUERY_CANCELED) == 0)
        return err_set(err, ERR_EVAL, "cut off by the server after %" PRId64 " ms: %s",
                       c->timeout_ms, words);
    if (strcmp(state, LOCK_NOT_AVAILABLE) == 0)
        return err_set(err, ERR_EVAL, "another session holds a lock: %s", words);
    if (strcmp(state, INSUFFICIENT_PRIVILEGE) == 0)
        return err_set(err, ERR_EVAL, "%s (GRANT pg_monitor gives the right to read statistics)",
                       words);
    return err_set(err, ERR_EVAL, "%s", words);
}

/* ---- waiting ---- */

/* 0 when something may be done at the socket; -1: the time is over. */
static int wait_for(struct backend *c, short events, const struct backend_deadline *deadline)
{
    struct pollfd p = {.fd = c->pq->PQsocket(c->pg), .events = events};

    for (;;) {
        int64_t left = backend_left_ms(deadline);
        int n;

        if (left == 0)
            return -1;
        n = poll(&p, 1, left < INT32_MAX ? (int)left : INT32_MAX);
        if (n > 0 || (n < 0 && errno != EINTR)) /* another error shows at the next call */
            return 0;
    }
}

static int finish_connect(struct backend *c, const struct backend_deadline *deadline,
                          struct err *err)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;

    while (next != PGRES_POLLING_OK) {
        if (next == PGRES_POLLING_FAILED || c->pq->PQstatus(c->pg) == CONNECTION_BAD)
            return lose(c, err);
        if (wait_for(c, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline) < 0)
            return give_up(c, "connecting", err);
        next = c->pq->PQconnectPoll(c->pg);
    }
    return 0;
}

/* What was asked leaves, and libpq has a whole result to give. */
static int wait_result(struct backend *c, const struct backend_deadline *deadline, struct err *err)
{
    int unsent = 1;

    while (unsent || c->pq->PQisBusy(c->pg)) {
        if (unsent)
            unsent = c->pq->PQflush(c->pg);
        if (unsent < 0)
            return lose(c, err);
        if (!unsent && !c->pq->PQisBusy(c->pg))
            return 0;
        if (wait_for(c, unsent ? POLLIN | POLLOUT : POLLIN, deadline) < 0)
            return give_up(c, "waiting for an answer", err);
        if (!c->pq->PQconsumeInput(c->pg))
            return lose(c, err);
    }
    return 0;
}

/* Takes the end of a statement off. */
static void drain(struct backend *c, const struct backend_deadline *deadline)
{
    PGresult *r;
    struct err why;

    do {
        r = wait_result(c, deadline, &why) < 0 ? NULL : c->pq->PQgetResult(c->pg);
        c->pq->PQclear(r);
    } while (r);
}

/* ---- life ---- */

/* A server may send notices at any time; nobody here reads them, and libpq would print them. */
static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

int backend_open(const struct libpq *pq, const struct backend_address *place,
                 const struct backend_deadline *deadline, struct backend **out, struct err *err)
{
    struct backend *c = mem_new(struct backend);

    c->pq = pq;
    c->shown = mem_strdup(place->shown);
    c->password = place->password ? mem_strdup(place->password) : NULL;
    c->pg = pq->PQconnectStartParams(place->keywords, place->values, 0);
    if (!c->pg) {
        (void)err_set(err, ERR_NOMEM, "%s: no memory for a connection", c->shown);
    } else {
        (void)pq->PQsetNoticeReceiver(c->pg, ignore_notice, NULL);
        if (finish_connect(c, deadline, err) == 0) {
            (void)pq->PQsetnonblocking(c->pg, 1);
            *out = c;
            return 0;
        }
    }
    backend_close(c);
    return -1;
}

void backend_close(struct backend *c)
{
    if (!c)
        return;
    shut(c);
    wipe(c->password);
    mem_free(c->shown);
    mem_free(c);
}

bool backend_is_open(const struct backend *c)
{
    return c && c->pg;
}

int backend_version(const struct backend *c)
{
    return c->pq->PQserverVersion(c->pg);
}

/* ---- statements ---- */

/* Statements without rows. */
static int run(struct backend *c, const char *sql, const struct backend_deadline *deadline,
               struct err *err)
{
    int rc = 0;

    if (!c->pg)
        return err_set(err, ERR_OS, "%s: the connection was lost", c->shown);
    if (!c->pq->PQsendQuery(c->pg, sql))
        return lose(c, err);
    for (;;) {
        PGresult *r;
        ExecStatusType status;

        if (wait_result(c, deadline, err) < 0)
            return -1;
        r = c->pq->PQgetResult(c->pg);
        if (!r)
            break;
        status = c->pq->PQresultStatus(r);
        if (rc == 0 && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            rc = refused(c, r, err);
        c->pq->PQclear(r);
    }
    return c->pq->PQstatus(c->pg) == CONNECTION_BAD ? lose(c, err) : rc;
}

/* Values are written as cell.h reads them, and floats with all their digits (before 12 they would
 * be rounded). */
int backend_begin(struct backend *c, int64_t timeout_ms, const struct backend_deadline *deadline,
                  struct err *err)
{
    char sql[256];

    c->timeout_ms = timeout_ms;
    (void)snprintf(sql, sizeof sql,
                   "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = %" PRId64
                   "; SET LOCAL lock_timeout = %d; SET LOCAL datestyle = 'ISO'; "
                   "SET LOCAL extra_float_digits = 3",
                   timeout_ms, LOCK_TIMEOUT_MS);
    return run(c, sql, deadline, err);
}

void backend_end(struct backend *c, const struct backend_deadline *deadline)
{
    struct err why;

    if (c->pg && run(c, "ROLLBACK", deadline, &why) < 0)
        shut(c);
}

static int take_columns(struct backend *c, const PGresult *r, struct arena *a, struct tuples *rows,
                        struct err *err)
{
    int n = c->pq->PQnfields(r);

    if (n > COLUMNS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d columns", COLUMNS_MAX);
    if (rows->columns)
        return (size_t)n == rows->columns_n
                   ? 0
                   : err_set(err, ERR_EVAL, "another number of columns than before");
    rows->columns = arena_new_array(a, struct tuples_column, (size_t)n, err);
    if (!rows->columns)
        return -1;
    for (int i = 0; i < n; i++) {
        rows->columns[i].name = arena_cstr(a, str_c(c->pq->PQfname(r, i)), err);
        rows->columns[i].type = c->pq->PQftype(r, i);
        if (!rows->columns[i].name)
            return -1;
    }
    rows->columns_n = (size_t)n;
    return 0;
}

/* Row by row, so that a large answer meets the arena's budget before it is whole. */
static int take_row(struct backend *c, const PGresult *r, struct arena *a, struct tuples *rows,
                    struct err *err)
{
    struct str cells[COLUMNS_MAX];

    if (take_columns(c, r, a, rows, err) < 0)
        return -1;
    if (c->pq->PQntuples(r) == 0)
        return 0;
    for (int i = 0; i < (int)rows->columns_n; i++)
        cells[i] = c->pq->PQgetisnull(r, 0, i) ? (struct str){NULL, 0}
                                               : (struct str){c->pq->PQgetvalue(r, 0, i),
                                                              (size_t)c->pq->PQgetlength(r, 0, i)};
    return tuples_add(rows, a, cells, err);
}

static int take_result(struct backend *c, const PGresult *r, size_t rows_max, struct arena *a,
                       struct tuples *rows, struct err *err)
{
    switch (c->pq->PQresultStatus(r)) {
    case PGRES_SINGLE_TUPLE:
        if (rows->n >= rows_max)
            return err_set(err, ERR_LIMIT, "more than %zu rows; count or sum them in the SQL",
                           rows_max);
        return take_row(c, r, a, rows, err);
    case PGRES_TUPLES_OK: /* the end, without a row; the only result when there was none */
        return take_columns(c, r, a, rows, err);
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        return err_set(err, ERR_EVAL, "it gives no rows; write a SELECT");
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        return err_set(err, ERR_EVAL, "COPY is not taken; write a SELECT");
    default:
        return refused(c, r, err);
    }
}

/* More of the answer would come, for long or for ever (COPY). */
static bool goes_on(ExecStatusType status)
{
    return status == PGRES_SINGLE_TUPLE || status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
           status == PGRES_COPY_BOTH;
}

/* The extended protocol takes one statement only: nobody can end the transaction and go on. */
int backend_query(struct backend *c, const char *sql, size_t rows_max,
                  const struct backend_deadline *deadline, struct arena *a, struct tuples *rows,
                  struct err *err)
{
    size_t max = rows->n + rows_max;

    if (!c->pg)
        return err_set(err, ERR_OS, "%s: the connection was lost", c->shown);
    if (!c->pq->PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0) ||
        !c->pq->PQsetSingleRowMode(c->pg))
        return lose(c, err);
    for (;;) {
        ExecStatusType status;
        PGresult *r;
        int rc;

        if (wait_result(c, deadline, err) < 0)
            return -1;
        r = c->pq->PQgetResult(c->pg);
        if (!r)
            return 0;
        status = c->pq->PQresultStatus(r);
        rc = take_result(c, r, max, a, rows, err);
        c->pq->PQclear(r);
        if (rc == 0)
            continue;
        if (c->pq->PQstatus(c->pg) == CONNECTION_BAD)
            return lose(c, err);
        if (goes_on(status))
            shut(c);
        else
            drain(c, deadline);
        return -1;
    }
}
