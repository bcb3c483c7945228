#include "state/schema.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/err.h"

static const char *const steps[] = {
    /* 1: events. Times are Unix milliseconds; `ends` of an open one is when it was last seen. */
    "CREATE TABLE event("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT UNIQUE," /* NULL: none */
    "  kind TEXT NOT NULL,"
    "  starts INTEGER NOT NULL,"
    "  ends INTEGER NOT NULL,"
    "  open INTEGER NOT NULL,"
    "  labels TEXT NOT NULL," /* a JSON object */
    "  text TEXT NOT NULL);"
    "CREATE INDEX event_starts ON event(starts);"
    "CREATE INDEX event_ends ON event(ends);"
    "CREATE INDEX event_open ON event(open) WHERE open;",
};

static int version_of(sqlite3 *db, int *out, struct err *err)
{
    sqlite3_stmt *ask = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &ask, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(ask);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(ask, 0);
    (void)sqlite3_finalize(ask);
    return rc == SQLITE_ROW ? 0 : err_set(err, ERR_CORRUPT, "%s", sqlite3_errmsg(db));
}

int schema_apply(sqlite3 *db, struct err *err)
{
    const int newest = (int)ARRAY_LEN(steps);
    int version;

    if (version_of(db, &version, err) < 0)
        return -1;
    if (version > newest)
        return err_set(err, ERR_CORRUPT, "it is of version %d, and this earshot knows %d", version,
                       newest);
    for (int i = version; i < newest; i++) {
        char stamp[40];

        (void)snprintf(stamp, sizeof stamp, "PRAGMA user_version=%d", i + 1);
        if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, steps[i], NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, stamp, NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
            (void)err_set(err, ERR_CORRUPT, "step %d: %s", i + 1, sqlite3_errmsg(db));
            (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
            return -1;
        }
    }
    return 0;
}
