/* libpq: PostgreSQL's client library, loaded when the first server is asked: whoever has no
 * PostgreSQL needs no library of it.
 *
 * Threads: any; the table does not change once it is loaded.
 */
#ifndef COLLECT_POSTGRES_LIBPQ_H
#define COLLECT_POSTGRES_LIBPQ_H

#include <libpq-fe.h>

#include "base/attr.h"

struct err;

#define LIBPQ_FUNCTIONS(F)                                                                         \
    F(PQclear)                                                                                     \
    F(PQconnectPoll)                                                                               \
    F(PQconnectStartParams)                                                                        \
    F(PQconsumeInput)                                                                              \
    F(PQerrorMessage)                                                                              \
    F(PQfinish)                                                                                    \
    F(PQflush)                                                                                     \
    F(PQfname)                                                                                     \
    F(PQftype)                                                                                     \
    F(PQgetResult)                                                                                 \
    F(PQgetisnull)                                                                                 \
    F(PQgetlength)                                                                                 \
    F(PQgetvalue)                                                                                  \
    F(PQisBusy)                                                                                    \
    F(PQnfields)                                                                                   \
    F(PQntuples)                                                                                   \
    F(PQresultErrorField)                                                                          \
    F(PQresultStatus)                                                                              \
    F(PQsendQuery)                                                                                 \
    F(PQsendQueryParams)                                                                           \
    F(PQserverVersion)                                                                             \
    F(PQsetNoticeReceiver)                                                                         \
    F(PQsetSingleRowMode)                                                                          \
    F(PQsetnonblocking)                                                                            \
    F(PQsocket)                                                                                    \
    F(PQstatus)

struct libpq {
#define F(name) __typeof__(&name) name;
    LIBPQ_FUNCTIONS(F)
#undef F
};

/* It stays loaded. ERR_OS names the Debian package when it is not there. */
MUST_USE int libpq_load(struct libpq *out, struct err *err);

#endif
