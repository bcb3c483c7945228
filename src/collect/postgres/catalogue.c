#include "collect/postgres/catalogue.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

#define PG12 120000
#define PG14 140000
#define PG16 160000
#define PG17 170000

#define GAUGE   METRIC_GAUGE
#define COUNTER METRIC_COUNTER
#define UNTYPED METRIC_UNKNOWN /* postgres_exporter has them so, and rules may rely on it */

/* What each database counts. The row without a name is that of the objects all share. */
static const struct catalogue_label of_database[] = {{"datid", "datid"}, {"datname", "datname"}};
static const struct catalogue_column stat_database[] = {
    {"pg_stat_database_numbackends", "numbackends", GAUGE, "Connections to the database.", 0, 0},
    {"pg_stat_database_xact_commit", "xact_commit", COUNTER, "Transactions committed.", 0, 0},
    {"pg_stat_database_xact_rollback", "xact_rollback", COUNTER, "Transactions rolled back.", 0, 0},
    {"pg_stat_database_blks_read", "blks_read", COUNTER, "Blocks read from files.", 0, 0},
    {"pg_stat_database_blks_hit", "blks_hit", COUNTER, "Blocks found in the buffer cache.", 0, 0},
    {"pg_stat_database_tup_returned", "tup_returned", COUNTER, "Rows read by scans.", 0, 0},
    {"pg_stat_database_tup_fetched", "tup_fetched", COUNTER, "Rows fetched through indexes.", 0, 0},
    {"pg_stat_database_tup_inserted", "tup_inserted", COUNTER, "Rows inserted.", 0, 0},
    {"pg_stat_database_tup_updated", "tup_updated", COUNTER, "Rows updated.", 0, 0},
    {"pg_stat_database_tup_deleted", "tup_deleted", COUNTER, "Rows deleted.", 0, 0},
    {"pg_stat_database_conflicts", "conflicts", COUNTER,
     "Statements cancelled on a standby since they were in the way of recovery.", 0, 0},
    {"pg_stat_database_temp_files", "temp_files", COUNTER, "Temporary files made.", 0, 0},
    {"pg_stat_database_temp_bytes", "temp_bytes", COUNTER, "Bytes written to temporary files.", 0,
     0},
    {"pg_stat_database_deadlocks", "deadlocks", COUNTER, "Deadlocks found.", 0, 0},
    {"pg_stat_database_checksum_failures", "checksum_failures", UNTYPED,
     "Blocks whose checksum was wrong.", PG12, 0},
    {"pg_stat_database_checksum_last_failure", "checksum_last_failure", UNTYPED,
     "Last time a checksum was wrong, Unix time.", PG12, 0},
    {"pg_stat_database_blk_read_time", "blk_read_time", COUNTER,
     "Milliseconds spent reading blocks, with track_io_timing.", 0, 0},
    {"pg_stat_database_blk_write_time", "blk_write_time", COUNTER,
     "Milliseconds spent writing blocks, with track_io_timing.", 0, 0},
    {"pg_stat_database_session_time", "session_time", UNTYPED, "Milliseconds of all sessions.",
     PG14, 0},
    {"pg_stat_database_active_time", "active_time", UNTYPED,
     "Milliseconds spent executing statements.", PG14, 0},
    {"pg_stat_database_idle_in_transaction_time", "idle_in_transaction_time", UNTYPED,
     "Milliseconds that transactions were open and idle.", PG14, 0},
    {"pg_stat_database_sessions", "sessions", UNTYPED, "Sessions begun.", PG14, 0},
    {"pg_stat_database_sessions_abandoned", "sessions_abandoned", UNTYPED,
     "Sessions whose client was lost.", PG14, 0},
    {"pg_stat_database_sessions_fatal", "sessions_fatal", UNTYPED,
     "Sessions ended by an error of the server.", PG14, 0},
    {"pg_stat_database_sessions_killed", "sessions_killed", UNTYPED,
     "Sessions ended by an administrator.", PG14, 0},
    {"pg_stat_database_stats_reset", "stats_reset", COUNTER,
     "When these counters were set to zero, Unix time.", 0, 0},
};

static const struct catalogue_column conflicts[] = {
    {"pg_stat_database_conflicts_confl_tablespace", "confl_tablespace", COUNTER,
     "Statements cancelled on a standby since a tablespace was dropped.", 0, 0},
    {"pg_stat_database_conflicts_confl_lock", "confl_lock", COUNTER,
     "Statements cancelled on a standby by a lock.", 0, 0},
    {"pg_stat_database_conflicts_confl_snapshot", "confl_snapshot", COUNTER,
     "Statements cancelled on a standby by an old snapshot.", 0, 0},
    {"pg_stat_database_conflicts_confl_bufferpin", "confl_bufferpin", COUNTER,
     "Statements cancelled on a standby by a pinned buffer.", 0, 0},
    {"pg_stat_database_conflicts_confl_deadlock", "confl_deadlock", COUNTER,
     "Statements cancelled on a standby by a deadlock.", 0, 0},
    {"pg_stat_database_conflicts_confl_active_logicalslot", "confl_active_logicalslot", COUNTER,
     "Uses of logical slots on a standby cancelled.", PG16, 0},
};

/* Whoever may neither connect to a database nor see all statistics may not see its size. */
static const struct catalogue_label of_name[] = {{"datname", "datname"}};
static const struct catalogue_column database[] = {
    {"pg_database_size_bytes",
     "CASE WHEN has_database_privilege(oid, 'CONNECT') OR "
     "pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_database_size(oid) END",
     GAUGE, "Disk space of the database.", 0, 0},
    {"pg_database_connection_limit", "datconnlimit", GAUGE,
     "Connections allowed to the database, -1: no limit.", 0, 0},
};

/* Counted in transactions, whatever the names say. */
static const struct catalogue_column wraparound[] = {
    {"pg_database_wraparound_age_datfrozenxid_seconds", "age(datfrozenxid)", GAUGE,
     "Transactions since the oldest transaction id that is not frozen.", 0, 0},
    {"pg_database_wraparound_age_datminmxid_seconds", "mxid_age(datminmxid)", GAUGE,
     "Multitransactions since the oldest id that is in use.", 0, 0},
};

static const struct catalogue_label of_locks[] = {{"datname", "d.datname"}, {"mode", "m.mode"}};
static const struct catalogue_column locks[] = {
    {"pg_locks_count", "coalesce(l.n, 0)", GAUGE, "Locks held or waited for.", 0, 0},
};

static const struct catalogue_label of_activity[] = {{"datname", "d.datname"},
                                                     {"state", "s.state"}};
static const struct catalogue_column activity[] = {
    {"pg_stat_activity_count", "coalesce(a.n, 0)", GAUGE, "Connections in this state.", 0, 0},
    {"pg_stat_activity_max_tx_duration", "coalesce(a.longest, 0)", GAUGE,
     "Seconds that the longest transaction in this state has been open.", 0, 0},
};

static const struct catalogue_column archiver[] = {
    {"pg_stat_archiver_archived_count", "archived_count", COUNTER, "WAL files archived.", 0, 0},
    {"pg_stat_archiver_failed_count", "failed_count", COUNTER,
     "WAL files that could not be archived.", 0, 0},
    {"pg_stat_archiver_last_archive_age", "extract(epoch FROM now() - last_archived_time)", GAUGE,
     "Seconds since the last WAL file was archived.", 0, 0},
};

/* What checkpoints did has a view of its own from 17 on. */
static const struct catalogue_column bgwriter[] = {
    {"pg_stat_bgwriter_checkpoints_timed_total", "checkpoints_timed", COUNTER,
     "Checkpoints that were due.", 0, PG17},
    {"pg_stat_bgwriter_checkpoints_req_total", "checkpoints_req", COUNTER, "Checkpoints asked for.",
     0, PG17},
    {"pg_stat_bgwriter_checkpoint_write_time_total", "checkpoint_write_time", COUNTER,
     "Milliseconds that checkpoints spent writing.", 0, PG17},
    {"pg_stat_bgwriter_checkpoint_sync_time_total", "checkpoint_sync_time", COUNTER,
     "Milliseconds that checkpoints spent syncing.", 0, PG17},
    {"pg_stat_bgwriter_buffers_checkpoint_total", "buffers_checkpoint", COUNTER,
     "Buffers written by checkpoints.", 0, PG17},
    {"pg_stat_bgwriter_buffers_clean_total", "buffers_clean", COUNTER,
     "Buffers written by the background writer.", 0, 0},
    {"pg_stat_bgwriter_maxwritten_clean_total", "maxwritten_clean", COUNTER,
     "Times the background writer stopped since it had written its share.", 0, 0},
    {"pg_stat_bgwriter_buffers_backend_total", "buffers_backend", COUNTER,
     "Buffers written by backends themselves.", 0, PG17},
    {"pg_stat_bgwriter_buffers_backend_fsync_total", "buffers_backend_fsync", COUNTER,
     "Times a backend had to sync by itself.", 0, PG17},
    {"pg_stat_bgwriter_buffers_alloc_total", "buffers_alloc", COUNTER, "Buffers allocated.", 0, 0},
    {"pg_stat_bgwriter_stats_reset_total", "stats_reset", COUNTER,
     "When these counters were set to zero, Unix time.", 0, 0},
};

static const struct catalogue_column checkpointer[] = {
    {"pg_stat_checkpointer_num_timed_total", "num_timed", COUNTER, "Checkpoints that were due.", 0,
     0},
    {"pg_stat_checkpointer_num_requested_total", "num_requested", COUNTER, "Checkpoints asked for.",
     0, 0},
    {"pg_stat_checkpointer_restartpoints_timed_total", "restartpoints_timed", COUNTER,
     "Restartpoints that were due.", 0, 0},
    {"pg_stat_checkpointer_restartpoints_req_total", "restartpoints_req", COUNTER,
     "Restartpoints asked for.", 0, 0},
    {"pg_stat_checkpointer_restartpoints_done_total", "restartpoints_done", COUNTER,
     "Restartpoints done.", 0, 0},
    {"pg_stat_checkpointer_write_time_total", "write_time", COUNTER,
     "Milliseconds that checkpoints spent writing.", 0, 0},
    {"pg_stat_checkpointer_sync_time_total", "sync_time", COUNTER,
     "Milliseconds that checkpoints spent syncing.", 0, 0},
    {"pg_stat_checkpointer_buffers_written_total", "buffers_written", COUNTER,
     "Buffers written by checkpoints.", 0, 0},
    {"pg_stat_checkpointer_stats_reset_total", "stats_reset", COUNTER,
     "When these counters were set to zero, Unix time.", 0, 0},
};

static const struct catalogue_label of_replication[] = {{"application_name", "application_name"},
                                                        {"client_addr", "host(client_addr)"},
                                                        {"state", "state"},
                                                        {"slot_name", "s.slot_name"},
                                                        {"pid", "r.pid"}};
static const struct catalogue_column replication[] = {
    {"pg_stat_replication_pg_current_wal_lsn_bytes",
     "CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') END",
     GAUGE, "Position in the WAL.", 0, 0},
    {"pg_stat_replication_pg_wal_lsn_diff",
     "CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END",
     GAUGE, "Bytes of WAL that the standby has not replayed yet.", 0, 0},
    {"pg_stat_replication_reply_time", "reply_time", UNTYPED,
     "When the standby last answered, Unix time.", PG12, 0},
};

static const struct catalogue_label of_slots[] = {{"slot_name", "slot_name"},
                                                  {"database", "database"}};
static const struct catalogue_column slots[] = {
    {"pg_replication_slots_active", "active", GAUGE, "1 while somebody uses the slot.", 0, 0},
    {"pg_replication_slots_pg_wal_lsn_diff",
     "pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() "
     "ELSE pg_current_wal_lsn() END, restart_lsn)",
     GAUGE, "Bytes of WAL that the slot holds back.", 0, 0},
};

static const struct catalogue_column replica[] = {
    {"pg_replication_lag_seconds",
     "CASE WHEN NOT pg_is_in_recovery() OR "
     "pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 "
     "ELSE greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END",
     GAUGE, "Seconds that this standby is behind; 0 on a primary.", 0, 0},
    {"pg_replication_is_replica", "pg_is_in_recovery()", GAUGE, "1 on a standby.", 0, 0},
    {"pg_replication_last_replay_seconds",
     "greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp()))", GAUGE,
     "Seconds since the last transaction was replayed.", 0, 0},
    {"pg_postmaster_start_time_seconds", "pg_postmaster_start_time()", GAUGE,
     "Start of the server, Unix time.", 0, 0},
};

static const struct catalogue_column wal[] = {
    {"pg_wal_segments", "count(*)", GAUGE, "Files of WAL.", 0, 0},
    {"pg_wal_size_bytes", "sum(size)", GAUGE, "Size of all files of WAL.", 0, 0},
};

/* The version as postgres_exporter writes it: 15.4 is 15.4.0. */
static const struct catalogue_label of_static[] = {
    {"version", "version()"},
    {"short_version", "current_setting('server_version_num')::int / 10000 || '.' || "
                      "current_setting('server_version_num')::int % 10000 || '.0'"}};
static const struct catalogue_column is_static[] = {
    {"pg_static", "1", UNTYPED, "The server's version.", 0, 0},
};

#define LABELS(a)  .labels = (a), .labels_n = ARRAY_LEN(a)
#define COLUMNS(a) .columns = (a), .columns_n = ARRAY_LEN(a)

/* Locks first: as long as the transaction has asked for nothing else, it holds none of its own but
 * on pg_locks. */
const struct catalogue_group catalogue_groups[] = {
    {.name = "locks",
     LABELS(of_locks),
     COLUMNS(locks),
     .from = "pg_database d CROSS JOIN (VALUES ('accesssharelock'), ('rowsharelock'), "
             "('rowexclusivelock'), ('shareupdateexclusivelock'), ('sharelock'), "
             "('sharerowexclusivelock'), ('exclusivelock'), ('accessexclusivelock'), "
             "('sireadlock')) m(mode) LEFT JOIN (SELECT database, lower(mode) AS mode, "
             "count(*) AS n FROM pg_locks GROUP BY 1, 2) l "
             "ON l.database = d.oid AND l.mode = m.mode"},
    {.name = "stat_activity",
     LABELS(of_activity),
     COLUMNS(activity),
     .from = "pg_database d CROSS JOIN (VALUES ('active'), ('idle'), ('idle in transaction'), "
             "('idle in transaction (aborted)'), ('fastpath function call'), ('disabled')) "
             "s(state) LEFT JOIN (SELECT datname, state, count(*) AS n, "
             "max(extract(epoch FROM now() - xact_start)) AS longest FROM pg_stat_activity "
             "GROUP BY 1, 2) a ON a.datname = d.datname AND a.state = s.state"},
    {.name = "static", LABELS(of_static), COLUMNS(is_static)},
    {.name = "stat_database",
     LABELS(of_database),
     COLUMNS(stat_database),
     .from = "pg_stat_database",
     .null_is_nan = true},
    {.name = "stat_database_conflicts",
     LABELS(of_database),
     COLUMNS(conflicts),
     .from = "pg_stat_database_conflicts",
     .null_is_nan = true},
    {.name = "database", LABELS(of_name), COLUMNS(database), .from = "pg_database"},
    {.name = "database_wraparound", LABELS(of_name), COLUMNS(wraparound), .from = "pg_database"},
    {.name = "stat_archiver", COLUMNS(archiver), .from = "pg_stat_archiver", .null_is_nan = true},
    {.name = "stat_bgwriter", COLUMNS(bgwriter), .from = "pg_stat_bgwriter"},
    {.name = "stat_checkpointer",
     COLUMNS(checkpointer),
     .from = "pg_stat_checkpointer",
     .since = PG17},
    {.name = "stat_replication",
     LABELS(of_replication),
     COLUMNS(replication),
     .from = "pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid",
     .null_is_nan = true},
    {.name = "replication_slots",
     LABELS(of_slots),
     COLUMNS(slots),
     .from = "pg_replication_slots",
     .null_is_nan = true},
    {.name = "replication", COLUMNS(replica)},
    {.name = "wal", COLUMNS(wal), .from = "pg_ls_waldir()"},
};
const size_t catalogue_groups_n = ARRAY_LEN(catalogue_groups);

/* ---- tables ---- */

/* A size wants a lock on the table: of one that is locked exclusively, by ALTER or VACUUM FULL, it
 * is not asked, so that no reading waits behind it. */
#define SIZE(function) "CASE WHEN NOT t.is_locked THEN " function "(t.relid) END"
#define TIME(column)   "coalesce(extract(epoch FROM t." column "), 0)"

static const struct catalogue_label of_table[] = {
    {"datname", "current_database()"}, {"schemaname", "t.schemaname"}, {"relname", "t.relname"}};
static const struct catalogue_column table[] = {
    {"pg_stat_user_tables_seq_scan", "t.seq_scan", COUNTER, "Scans over the whole table.", 0, 0},
    {"pg_stat_user_tables_seq_tup_read", "t.seq_tup_read", COUNTER,
     "Rows read by scans over the whole table.", 0, 0},
    {"pg_stat_user_tables_idx_scan", "coalesce(t.idx_scan, 0)", COUNTER, "Scans of its indexes.", 0,
     0},
    {"pg_stat_user_tables_idx_tup_fetch", "coalesce(t.idx_tup_fetch, 0)", COUNTER,
     "Rows fetched through indexes.", 0, 0},
    {"pg_stat_user_tables_n_tup_ins", "t.n_tup_ins", COUNTER, "Rows inserted.", 0, 0},
    {"pg_stat_user_tables_n_tup_upd", "t.n_tup_upd", COUNTER, "Rows updated.", 0, 0},
    {"pg_stat_user_tables_n_tup_del", "t.n_tup_del", COUNTER, "Rows deleted.", 0, 0},
    {"pg_stat_user_tables_n_tup_hot_upd", "t.n_tup_hot_upd", COUNTER,
     "Rows updated without a new entry in an index.", 0, 0},
    {"pg_stat_user_tables_n_live_tup", "t.n_live_tup", GAUGE, "Live rows, estimated.", 0, 0},
    {"pg_stat_user_tables_n_dead_tup", "t.n_dead_tup", GAUGE, "Dead rows, estimated.", 0, 0},
    {"pg_stat_user_tables_n_mod_since_analyze", "t.n_mod_since_analyze", GAUGE,
     "Rows changed since the last analyze, estimated.", 0, 0},
    {"pg_stat_user_tables_last_vacuum", TIME("last_vacuum"), GAUGE,
     "Last vacuum by hand, Unix time; 0: never.", 0, 0},
    {"pg_stat_user_tables_last_autovacuum", TIME("last_autovacuum"), GAUGE,
     "Last vacuum by the daemon, Unix time; 0: never.", 0, 0},
    {"pg_stat_user_tables_last_analyze", TIME("last_analyze"), GAUGE,
     "Last analyze by hand, Unix time; 0: never.", 0, 0},
    {"pg_stat_user_tables_last_autoanalyze", TIME("last_autoanalyze"), GAUGE,
     "Last analyze by the daemon, Unix time; 0: never.", 0, 0},
    {"pg_stat_user_tables_vacuum_count", "t.vacuum_count", COUNTER, "Vacuums by hand.", 0, 0},
    {"pg_stat_user_tables_autovacuum_count", "t.autovacuum_count", COUNTER,
     "Vacuums by the daemon.", 0, 0},
    {"pg_stat_user_tables_analyze_count", "t.analyze_count", COUNTER, "Analyzes by hand.", 0, 0},
    {"pg_stat_user_tables_autoanalyze_count", "t.autoanalyze_count", COUNTER,
     "Analyzes by the daemon.", 0, 0},
    {"pg_stat_user_tables_index_size_bytes", SIZE("pg_indexes_size"), GAUGE,
     "Disk space of its indexes.", 0, 0},
    {"pg_stat_user_tables_table_size_bytes", SIZE("pg_table_size"), GAUGE,
     "Disk space of the table without its indexes.", 0, 0},
};

const struct catalogue_group catalogue_tables = {
    .name = "user_tables", LABELS(of_table), COLUMNS(table)};

/* ---- statements ---- */

#define EXT_1_8  108
#define EXT_1_11 111

/* One statement of one user has two entries where it is also run from within functions. */
static const struct catalogue_label of_statement[] = {
    {"user", "pg_get_userbyid(s.userid)"}, {"datname", "d.datname"}, {"queryid", "s.queryid"}};
static const struct catalogue_column statement[] = {
    {"pg_stat_statements_calls_total", "sum(s.calls)", COUNTER, "Times the statement was run.", 0,
     0},
    {"pg_stat_statements_seconds_total", "sum(s.total_time) / 1000", COUNTER, "Time it took.", 0,
     EXT_1_8},
    {"pg_stat_statements_seconds_total", "sum(s.total_exec_time) / 1000", COUNTER, "Time it took.",
     EXT_1_8, 0},
    {"pg_stat_statements_rows_total", "sum(s.rows)", COUNTER, "Rows it returned or changed.", 0, 0},
    {"pg_stat_statements_block_read_seconds_total", "sum(s.blk_read_time) / 1000", COUNTER,
     "Time it spent reading blocks.", 0, EXT_1_11},
    {"pg_stat_statements_block_read_seconds_total", "sum(s.shared_blk_read_time) / 1000", COUNTER,
     "Time it spent reading blocks.", EXT_1_11, 0},
    {"pg_stat_statements_block_write_seconds_total", "sum(s.blk_write_time) / 1000", COUNTER,
     "Time it spent writing blocks.", 0, EXT_1_11},
    {"pg_stat_statements_block_write_seconds_total", "sum(s.shared_blk_write_time) / 1000", COUNTER,
     "Time it spent writing blocks.", EXT_1_11, 0},
};

const struct catalogue_group catalogue_statements = {
    .name = "statements", LABELS(of_statement), COLUMNS(statement)};

/* The view may be in any schema, and its columns are the extension's version's. */
const char catalogue_find_statements[] =
    "SELECT quote_ident(n.nspname) || '.pg_stat_statements', e.extversion FROM pg_extension e "
    "JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";

const char *catalogue_select_statements(struct arena *a, struct str view, int version,
                                        struct err *err)
{
    const char *from = arena_printf(a, err,
                                    "%.*s s JOIN pg_database d ON d.oid = s.dbid "
                                    "WHERE s.queryid IS NOT NULL GROUP BY 1, 2, 3 "
                                    "ORDER BY 5 DESC LIMIT %d",
                                    STR_ARGS(view), CATALOGUE_STATEMENTS_MAX);

    return from ? catalogue_select(a, &catalogue_statements, version, from, err) : NULL;
}

/* ---- SQL ---- */

bool catalogue_has(const struct catalogue_column *c, int version)
{
    return version >= c->since && (c->until == 0 || version < c->until);
}

static void add_columns(struct buf *out, const struct catalogue_group *g, int version)
{
    for (size_t i = 0; i < g->labels_n; i++)
        buf_addf(out, "%s%s", i ? ", " : "", g->labels[i].sql);
    for (size_t i = 0, n = g->labels_n; i < g->columns_n; i++)
        if (catalogue_has(&g->columns[i], version))
            buf_addf(out, "%s%s", n++ ? ", " : "", g->columns[i].sql);
}

const char *catalogue_select(struct arena *a, const struct catalogue_group *g, int version,
                             const char *from, struct err *err)
{
    SCOPED(buf_fini) struct buf out;

    buf_init(&out, 0);
    buf_adds(&out, "SELECT ");
    add_columns(&out, g, version);
    if (from || g->from)
        buf_addf(&out, " FROM %s", from ? from : g->from);
    return arena_cstr(a, buf_str(&out), err);
}

const char *catalogue_select_tables(struct arena *a, size_t tables_max, struct err *err)
{
    SCOPED(buf_fini) struct buf out;

    buf_init(&out, 0);
    buf_adds(&out, "SELECT t.relpages, t.tables, ");
    add_columns(&out, &catalogue_tables, 0);
    buf_addf(&out,
             " FROM (SELECT s.*, c.relpages, count(*) OVER () AS tables, "
             "l.relation IS NOT NULL AS is_locked FROM pg_stat_user_tables s "
             "JOIN pg_class c ON c.oid = s.relid LEFT JOIN (SELECT DISTINCT relation FROM pg_locks "
             "WHERE mode = 'AccessExclusiveLock' AND database = (SELECT oid FROM pg_database "
             "WHERE datname = current_database())) l ON l.relation = s.relid "
             "ORDER BY c.relpages DESC, s.relid LIMIT %zu) t",
             tables_max);
    return arena_cstr(a, buf_str(&out), err);
}

/* ---- names ---- */

static bool group_knows(const struct catalogue_group *g, const char *family)
{
    for (size_t i = 0; i < g->columns_n; i++)
        if (strcmp(g->columns[i].family, family) == 0)
            return true;
    return false;
}

bool catalogue_knows(const char *family)
{
    for (size_t i = 0; i < catalogue_groups_n; i++)
        if (group_knows(&catalogue_groups[i], family))
            return true;
    return group_knows(&catalogue_tables, family) || group_knows(&catalogue_statements, family) ||
           strcmp(family, "pg_up") == 0 || strncmp(family, "pg_settings_", 12) == 0;
}
