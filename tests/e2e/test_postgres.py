"""PostgreSQL asked by SQL (collect.postgres): a real server on loopback, started and ended here."""
import os
import re
import signal
import socket
import unittest

import services
from server import Server, eventually, free_port

PASSWORD = 'pa%ss-word/7'
QUOTED = 'pa%25ss-word%2F7'
HBA = 'host all test 127.0.0.1/32 trust\nhost all mon 127.0.0.1/32 scram-sha-256\n'
QUERIES = '''
    queries:
    - {name: shop, labels: [state], values: {orders: gauge, revenue: counter},
       sql: "SELECT state, count(*) AS orders, sum(price) AS revenue FROM orders GROUP BY state"}
    - {name: seldom, interval: 1h, values: {asked_at: gauge}, sql: SELECT now() AS asked_at}
    - {name: nothing, values: {x: gauge}, sql: 'SELECT NULL::int AS x'}
    - {name: writes, values: {id: gauge}, sql: "INSERT INTO orders(state, price) VALUES ('forged', 1) RETURNING id"}
    - {name: escapes, values: {id: gauge}, sql: "COMMIT; INSERT INTO orders(state, price) VALUES ('forged', 1) RETURNING id"}
    - {name: slow, values: {one: gauge}, sql: 'SELECT 1 AS one FROM pg_sleep(60)'}
    - {name: vague, values: {n: gauge}, sql: SELECT 1 AS m}
    - {name: words, values: {n: gauge}, sql: "SELECT 'many' AS n"}
    - {name: copies, values: {n: gauge}, sql: COPY orders TO STDOUT}
    - {name: endless, values: {n: gauge}, sql: 'SELECT generate_series(1, 100000000) AS n'}
'''


def new_server(**options):
    server = services.Postgres(hba=HBA, **options)
    try:
        server.wait()
        # Before 14 a password is kept as MD5 unless this says otherwise.
        server.ask("SET password_encryption = 'scram-sha-256'; CREATE ROLE mon LOGIN PASSWORD '%s'; GRANT pg_monitor TO mon" % PASSWORD)
        return server
    except BaseException:
        server.stop()
        raise


def entry(port, *lines, user='mon:' + QUOTED, interval='1s'):
    """one entry; the further lines are its keys"""
    return "  - url: 'postgresql://%s@127.0.0.1:%d/postgres?sslmode=disable'\n    interval: %s\n%s" % (
        user, port, interval, ''.join('    %s\n' % line for line in lines))


def families(text):
    """{family: (type, its label names)} of an exposition"""
    found, name = {}, None
    for line in text.splitlines():
        if line.startswith('# TYPE '):
            _, _, name, kind = line.split()
            found[name] = ({'untyped': 'unknown'}.get(kind, kind), set())
        elif not line.startswith('#'):
            found[name][1].update(k for k, v in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line) if v)
    return found


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not services.postgres_bin():
            raise unittest.SkipTest('needs the Debian package postgresql')

    def value(self, expr):
        found = self.earshot.query(expr)
        return found[0][1] if len(found) == 1 else None

    def error(self):
        return next(t['lastError'] for t in self.earshot.api('targets')['activeTargets'] if t['labels']['job'] == 'postgres')

    def assert_down(self, words, seconds=20):
        eventually(lambda: self.value('up{job="postgres"}') == 0 and words in self.error(), seconds)

    def assert_up(self):
        eventually(lambda: self.value('up{job="postgres"}') == 1, 40)

    def assert_secret(self, password):
        """it stands in no message, and not in what is shown of the configuration"""
        shown = self.earshot.log_text() + str(self.earshot.api('targets')) + str(self.earshot.api('status/config'))
        self.assertNotIn(password, shown)


class Postgres(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = new_server()
        cls.addClassCleanup(cls.postgres.stop)
        cls.postgres.ask("CREATE TABLE orders(id serial PRIMARY KEY, state text, price int); GRANT ALL ON orders TO mon; "
                         "GRANT ALL ON orders_id_seq TO mon; INSERT INTO orders(state, price) "
                         "SELECT CASE WHEN g % 4 = 0 THEN 'open' ELSE 'paid' END, g FROM generate_series(1, 200) g")
        for i in range(5):
            cls.postgres.ask('CREATE DATABASE more%d' % i)
            cls.postgres.ask('CREATE TABLE letters(id int); INSERT INTO letters VALUES (1), (2), (3)', 'more%d' % i)
            cls.postgres.ask('ANALYZE', 'more%d' % i)
        cls.postgres.ask('ANALYZE')
        cls.earshot = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect:\n  postgres:\n' + entry(cls.postgres.port, 'statement_timeout: 500ms', interval='2s') +
            QUERIES.lstrip('\n')}).start()
        cls.addClassCleanup(cls.earshot.close)
        eventually(lambda: cls.earshot.query('pg_up == 1'), 40)

    def test_connections_are_counted_by_database_and_state(self):
        self.assertGreaterEqual(self.value('pg_stat_activity_count{datname="postgres",state="active"}'), 1)
        self.assertEqual(self.value('pg_stat_activity_count{datname="template0",state="idle"}'), 0)
        self.assertEqual(self.value('pg_settings_max_connections'), 100)

    def test_the_size_of_a_database_is_what_the_server_says(self):
        size = float(self.postgres.ask("SELECT pg_database_size('more1')"))
        self.assertAlmostEqual(self.value('pg_database_size_bytes{datname="more1"}'), size, delta=size / 20)

    def test_the_live_rows_of_a_table_are_there(self):
        eventually(lambda: self.value('pg_stat_user_tables_n_live_tup{relname="orders",schemaname="public",datname="postgres"}') == 200)

    def test_scans_of_a_table_are_counted(self):
        def scans():
            return self.value('pg_stat_user_tables_seq_scan{relname="orders"}')
        before = eventually(scans)
        self.postgres.ask('SELECT count(*) FROM orders WHERE price > 3')
        eventually(lambda: scans() > before)

    def test_tables_of_all_databases_are_read(self):
        eventually(lambda: self.value('count(pg_stat_user_tables_n_live_tup{relname="letters"} == 3)') == 5)
        self.assertEqual(self.value('earshot_postgres_tables_left_out'), 0)

    def test_series_say_where_they_come_from(self):
        place = '127.0.0.1:%d' % self.postgres.port
        self.assertEqual(self.value('up{job="postgres",instance="%s"}' % place), 1)
        self.assertEqual(self.value('pg_postmaster_start_time_seconds{server="%s"} > bool 1e9' % place), 1)

    def test_every_part_works(self):
        self.assertEqual(self.earshot.query('earshot_postgres_collector_success == 0'), [])
        self.assertGreater(self.value('count(earshot_postgres_collector_success)'), 12)

    def test_the_sql_of_a_person_becomes_gauges_and_counters_with_labels(self):
        self.assertEqual(self.value('pg_shop_orders{state="open"}'), 50)
        self.assertEqual(self.value('pg_shop_revenue{state="paid"}'), sum(g for g in range(1, 201) if g % 4))
        types = {name: self.earshot.api('metadata', metric=name)[name][0]['type'] for name in ('pg_shop_orders', 'pg_shop_revenue')}
        self.assertEqual(types, {'pg_shop_orders': 'gauge', 'pg_shop_revenue': 'counter'})
        self.assertEqual(self.value('earshot_postgres_query_success{query="shop"}'), 1)

    def test_a_query_with_an_interval_of_its_own_is_asked_no_more_often(self):
        self.assertEqual(self.value('count_values("at", pg_seldom_asked_at)'), 1)
        ran = self.value('scrape_samples_scraped{job="postgres"} and on() pg_seldom_asked_at')
        self.assertIsNotNone(ran)
        first = self.value('pg_seldom_asked_at')
        cycles = self.value('count_over_time(up{job="postgres"}[1h])')
        eventually(lambda: self.value('count_over_time(up{job="postgres"}[1h])') >= cycles + 3)
        self.assertEqual(self.value('pg_seldom_asked_at'), first)

    def test_null_has_no_sample(self):
        self.assertEqual(self.earshot.query('pg_nothing_x'), [])
        self.assertEqual(self.value('earshot_postgres_query_success{query="nothing"}'), 1)

    def test_what_writes_is_refused(self):
        for query, words in (('writes', 'it writes, and only reading is allowed'), ('escapes', 'multiple commands')):
            eventually(lambda q=query: self.value('earshot_postgres_query_success{query="%s"}' % q) == 0)
            self.assertIn(words, self.earshot.log_text())
        self.assertEqual(self.postgres.ask("SELECT count(*) FROM orders WHERE state = 'forged'"), '0')
        self.assertEqual(self.earshot.query('{__name__=~"pg_(writes|escapes)_id"}'), [])

    def test_a_slow_query_is_cut_off_and_the_rest_comes(self):
        eventually(lambda: self.value('earshot_postgres_query_success{query="slow"}') == 0)
        self.assertIn('query slow: cut off by the server after 500 ms', self.earshot.log_text())
        self.assertEqual(self.value('up{job="postgres"}'), 1)
        self.assertEqual(self.value('pg_shop_orders{state="paid"}'), 150)

    def test_mistakes_of_a_query_are_told_in_words(self):
        eventually(lambda: self.value('count(earshot_postgres_query_success == 0)') == 7)
        log = self.earshot.log_text()
        self.assertIn('the SQL gives no column n; it gives: m', log)
        self.assertIn(r'\"many\" is no number', log)
        self.assertIn('COPY is not taken', log)
        self.assertIn('query endless: more than 10000 rows', log)
        self.assertEqual(log.count('query vague: '), 1, 'told once, not each cycle')

    def test_connections_are_few_and_kept(self):
        def sessions():
            return dict(line.split('|') for line in self.postgres.ask(
                "SELECT datname, pid FROM pg_stat_activity WHERE application_name = 'earshot'").splitlines())
        kept = eventually(lambda: {k: v for k, v in sessions().items() if k.startswith('more')})
        for _ in range(20):
            self.assertLessEqual(int(self.postgres.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'earshot'")), 4)
        eventually(lambda: set(kept.items()) & set(sessions().items()))

    def test_a_table_that_is_locked_holds_nobody_up(self):
        holder = services.subprocess.Popen(
            ['psql', '-h', '127.0.0.1', '-p', str(self.postgres.port), '-U', 'test', '-Xqc',
             'BEGIN; LOCK TABLE letters; SELECT pg_sleep(6)', 'more0'], cwd=self.postgres.dir)
        try:
            eventually(lambda: not self.earshot.query('pg_stat_user_tables_table_size_bytes{datname="more0"}'))
            self.assertEqual(self.value('pg_stat_user_tables_n_live_tup{datname="more0"}'), 3)
            self.assertEqual(self.value('up{job="postgres"}'), 1)
        finally:
            holder.kill()
            holder.wait()
        eventually(lambda: self.earshot.query('pg_stat_user_tables_table_size_bytes{datname="more0"} > 0'))

    def test_families_have_the_names_types_and_labels_of_the_exporter(self):
        exporter = self.postgres.exporter()
        self.addCleanup(exporter.stop)
        text = services.get(exporter.wait().url)[1].decode()
        wanted = {name: f for name, f in families(text).items()
                  if name.startswith('pg_') and not re.match('pg_(exporter|scrape_collector)_', name)}
        metadata = self.earshot.api('metadata')
        labels = {}
        for m, _ in self.earshot.query('{job="postgres",__name__=~"pg_.*"}'):
            labels.setdefault(m['__name__'], set()).update(set(m) - {'__name__', 'job', 'instance'})
        other = [name for name, f in wanted.items()
                 if (metadata.get(name, [{}])[0].get('type'), labels.get(name)) != f]
        self.assertGreater(len(wanted), 250)
        self.assertLessEqual(len(other), len(wanted) // 20, other)

    def test_no_password_is_shown(self):
        self.assert_secret(PASSWORD)
        self.assert_secret(QUOTED)


class Options(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = new_server(options=['shared_preload_libraries=pg_stat_statements'])
        cls.addClassCleanup(cls.postgres.stop)
        cls.postgres.ask('CREATE DATABASE shop')
        cls.postgres.ask('CREATE TABLE large(id int); INSERT INTO large SELECT generate_series(1, 9000); '
                         'CREATE TABLE small(id int); CREATE TABLE tiny(id int); ANALYZE', 'shop')

    def start(self, *lines, files=None, **options):
        self.earshot = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect:\n  postgres:\n' + entry(self.postgres.port, *lines, **options), **(files or {})}).start()
        self.addCleanup(self.earshot.close)

    def test_only_the_largest_tables_are_kept_and_the_rest_is_counted(self):
        self.start('databases: [shop]', 'max_tables: 1')
        eventually(lambda: self.value('earshot_postgres_tables_left_out') == 2)
        self.assertEqual([m['relname'] for m, _ in self.earshot.query('pg_stat_user_tables_seq_scan')], ['large'])

    def test_a_database_that_is_not_there_is_told_and_the_rest_comes(self):
        self.start('databases: [shop, nowhere]')
        eventually(lambda: self.value('earshot_postgres_collector_success{collector="user_tables"}') == 0)
        self.assertIn(r'database \"nowhere\" does not exist', self.earshot.log_text())
        self.assertEqual(self.value('pg_stat_user_tables_n_live_tup{relname="large"}'), 9000)

    def test_without_user_tables_there_are_none(self):
        self.start('user_tables: false')
        eventually(lambda: self.value('pg_up'))
        self.assertEqual(self.earshot.query('{__name__=~"pg_stat_user_tables.*"}'), [])

    def test_statements_say_when_their_extension_is_missing_and_come_when_it_is_there(self):
        self.start('statements: true')
        eventually(lambda: self.value('earshot_postgres_collector_success{collector="statements"}') == 0)
        self.assertIn('CREATE EXTENSION pg_stat_statements', self.earshot.log_text())
        self.postgres.ask('CREATE SCHEMA apart; GRANT USAGE ON SCHEMA apart TO mon; CREATE EXTENSION pg_stat_statements SCHEMA apart')
        eventually(lambda: self.earshot.query('pg_stat_statements_calls_total{user="mon",datname="postgres"} > 0'))
        self.assertTrue(self.earshot.query('pg_stat_statements_seconds_total > 0'))
        self.assertEqual(self.value('earshot_postgres_collector_success{collector="statements"}'), 1)

    def test_a_wrong_password_is_down_in_plain_words(self):
        self.start(user='mon:guess-42')
        self.assert_down('password authentication failed for user "mon"')
        self.assert_secret('guess-42')
        self.assertEqual(self.value('pg_up'), 0)

    def test_a_password_that_is_missing_is_asked_for(self):
        self.start(user='mon')
        self.assert_down('give one with password or password_file')

    def test_a_password_may_come_from_a_file_that_is_read_at_each_connect(self):
        self.start('password_file: pass', user='mon', files={'pass': 'wrong\n'})
        self.assert_down('password authentication failed')
        with open(os.path.join(self.earshot.dir, 'pass'), 'w', encoding='ascii') as f:
            f.write(PASSWORD + '\n')
        self.assert_up()
        self.assert_secret(PASSWORD)

    def test_a_query_must_not_take_a_name_that_is_collected(self):
        server = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect:\n  postgres:\n' + entry(self.postgres.port) +
            '    queries: [{name: locks, sql: SELECT 1 AS count, values: {count: gauge}}]\n'})
        self.addCleanup(server.close)
        status, output = server.refused()
        self.assertNotEqual(status, 0)
        self.assertIn('pg_locks_count is collected already', output)


class Standby(Case):
    def test_a_standby_and_its_primary_say_how_far_it_is_behind(self):
        primary = services.Postgres(hba=HBA + 'host replication test 127.0.0.1/32 trust\n')
        self.addCleanup(primary.stop)
        primary.wait()
        standby = services.Postgres(standby_of=primary)
        self.addCleanup(standby.stop)
        eventually(lambda: standby.sql('SELECT 1') == 0, 60, every=1)
        self.assertEqual(standby.ask('SELECT pg_is_in_recovery()'), 't')
        self.earshot = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect:\n  postgres:\n' + ''.join(entry(p.port, 'labels: {role: %s}' % role, user='test')
                                                         for role, p in (('primary', primary), ('standby', standby)))}).start()
        self.addCleanup(self.earshot.close)
        primary.work(500)
        eventually(lambda: self.value('pg_stat_replication_pg_wal_lsn_diff{role="primary",slot_name="standby",state="streaming"} == 0') == 0)
        self.assertEqual(self.value('pg_replication_slots_active{role="primary",slot_name="standby"}'), 1)
        self.assertLess(self.value('pg_replication_slots_pg_wal_lsn_diff{role="primary"}'), 1e9)
        eventually(lambda: self.value('pg_replication_is_replica{role="standby"}') == 1)
        self.assertEqual(self.value('pg_replication_is_replica{role="primary"}'), 0)
        eventually(lambda: self.value('pg_replication_lag_seconds{role="standby"}') == 0)
        self.assertEqual(self.earshot.query('earshot_postgres_collector_success == 0'), [])


class Outages(Case):
    """its own server, since it is stopped"""

    def setUp(self):
        self.postgres = new_server()
        self.addCleanup(self.postgres.stop)
        self.earshot = Server('--config', '{dir}/e.yml',
                              files={'e.yml': 'collect:\n  postgres:\n' + entry(self.postgres.port)}).start()
        self.addCleanup(self.earshot.close)
        self.assert_up()

    def test_a_server_that_goes_and_comes_back(self):
        self.postgres.end()
        self.assert_down('127.0.0.1:%d: Connection refused' % self.postgres.port)
        self.assertEqual(self.earshot.query('pg_stat_activity_count'), [])
        self.postgres.start()
        self.assert_up()
        eventually(lambda: self.earshot.query('pg_stat_activity_count'))
        self.assert_secret(PASSWORD)

    def test_a_session_that_is_ended_is_replaced_without_a_gap(self):
        cycles = self.value('count_over_time(up{job="postgres"}[1h])')
        self.postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'earshot'")
        eventually(lambda: self.value('count_over_time(up{job="postgres"}[1h])') >= cycles + 4)
        # One that was ended in the middle of a cycle costs that cycle.
        self.assertGreaterEqual(self.value('sum_over_time(up{job="postgres"}[1h])'),
                                self.value('count_over_time(up{job="postgres"}[1h])') - 1)

    def test_a_server_that_hangs_is_not_waited_for_past_the_timeout(self):
        pids = [self.postgres.peer.process.pid] + [int(p) for p in self.postgres.ask(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'earshot'").split()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.assert_down('no answer within the timeout')
            eventually(lambda: '(connecting)' in self.error())
            self.assertLess(self.value('max_over_time(scrape_duration_seconds{job="postgres"}[1m])'), 2.5)
            self.assertIn(b'\nearshot_collect_collectors_stuck 0\n', self.earshot.get('/metrics')[1])
        finally:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass
        self.assert_up()


class NoPostgres(Case):
    def test_something_that_never_answers_is_down_in_time(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            s.listen(8)
            self.earshot = Server('--config', '{dir}/e.yml', files={
                'e.yml': 'collect:\n  postgres:\n' + entry(s.getsockname()[1])}).start()
            self.addCleanup(self.earshot.close)
            self.assert_down('no answer within the timeout (connecting)')

    def test_nothing_there_is_connection_refused(self):
        port = free_port()
        self.earshot = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect:\n  postgres:\n' + entry(port)}).start()
        self.addCleanup(self.earshot.close)
        self.assert_down('127.0.0.1:%d: Connection refused' % port)
        self.assert_secret(PASSWORD)

    def test_an_entry_that_is_switched_off_asks_nobody(self):
        self.earshot = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect:\n  postgres:\n' + entry(free_port(), 'enabled: false')}).start()
        self.addCleanup(self.earshot.close)
        self.assertEqual([t for t in self.earshot.api('targets')['activeTargets'] if t['labels']['job'] == 'postgres'], [])
