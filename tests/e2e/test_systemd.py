"""Units of systemd: what the host collector asks over the system bus."""
import os
import unittest

from server import Server, eventually
from systemd_double import Systemd

CONFIG = 'collect: {host: {interval: %s, units: %s}}\n'


class Units(unittest.TestCase):
    """each test has its units, and a server that asks for some of them"""

    def setUp(self):
        self.systemd = Systemd()
        self.addCleanup(self.systemd.close)

    def server(self, units, interval='200ms'):
        os.environ['DBUS_SYSTEM_BUS_ADDRESS'] = self.systemd.address
        self.addCleanup(os.environ.pop, 'DBUS_SYSTEM_BUS_ADDRESS')
        server = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % (interval, units)}).start()
        self.addCleanup(server.close)
        return server

    def states(self, server, query='node_systemd_unit_state == 1'):
        return sorted((labels['name'], labels['state'], labels.get('type', '')) for labels, _ in server.query(query))

    def test_a_unit_that_fails_is_told_until_it_is_well(self):
        self.systemd.units = {'nginx.service': 'active', 'backup.service': 'failed', 'data.mount': 'failed'}
        self.systemd.types = {'backup.service': 'oneshot'}
        self.systemd.start()
        server = self.server('failed')
        eventually(lambda: self.states(server) == [('backup.service', 'failed', 'oneshot'), ('data.mount', 'failed', '')])
        self.assertEqual(self.states(server, 'node_systemd_unit_state{name="backup.service",state!="failed"} == 0'),
                         [('backup.service', state, 'oneshot') for state in ('activating', 'active', 'deactivating', 'inactive')])
        self.systemd.units['backup.service'] = 'active'
        eventually(lambda: self.states(server) == [('data.mount', 'failed', '')])
        self.assertEqual(self.systemd.calls.count('Get'), 1) # a type is asked once
        self.systemd.stop()
        eventually(lambda: self.states(server) == [])
        self.assertEqual(server.query('up{job="node",collector="host-slow"}')[0][1], 1)

    def test_all_are_those_that_node_exporter_tells(self):
        self.systemd.units = {'nginx.service': 'active', 'data.mount': 'active', 'a.timer': 'activating', 'odd.service': 'gone', 'x.slice': 'active'}
        self.systemd.start()
        server = self.server('all')
        eventually(lambda: self.states(server) == [('a.timer', 'activating', ''), ('nginx.service', 'active', 'simple')])

    def test_those_that_were_named_are_told_whatever_their_state(self):
        self.systemd.units = {'nginx.service': 'active', 'backup.service': 'failed', 'other.service': 'failed'}
        self.systemd.start()
        server = self.server('[nginx, backup.service, missing]')
        eventually(lambda: self.states(server) == [('backup.service', 'failed', 'simple'), ('missing.service', 'inactive', 'simple'),
                                                   ('nginx.service', 'active', 'simple')])

    def test_a_systemd_that_does_not_tell_types_is_waited_for_once(self):
        self.systemd.units = {'s%d.service' % i: 'failed' for i in range(20)}
        self.systemd.silent = {'Get'}
        self.systemd.start()
        server = self.server('failed')
        eventually(lambda: self.states(server) == sorted((name, 'failed', '') for name in self.systemd.units))
        self.assertEqual(self.systemd.calls.count('Get'), 1)

    def test_more_units_than_are_told_shows_and_is_logged_once(self):
        self.systemd.units = {'t%d.timer' % i: 'failed' for i in range(5001)}
        self.systemd.start()
        server = self.server('failed', '2s')  # so many take their time
        success = 'earshot_host_collector_success{collector="systemd"}'
        eventually(lambda: server.query('count_over_time((%s == 0)[1m:1s]) > 3' % success))
        self.assertEqual(server.query('count(node_systemd_unit_state == 1)')[0][1], 5000)
        with open(os.path.join(server.dir, 'log'), encoding='utf-8') as f:
            self.assertEqual(f.read().count('more than 5000 units'), 1)

    def test_a_systemd_that_never_answers_shows_from_the_first_pass_on(self):
        self.systemd.silent = {'ListUnitsFiltered'}
        self.systemd.start()
        server = self.server('failed')
        eventually(lambda: server.query('earshot_host_collector_success{collector="systemd"} == 0'))
        self.assertFalse(server.query('node_systemd_unit_state'))

    def test_without_systemd_nothing_is_told_and_all_else_goes_on(self):
        server = self.server('failed')
        eventually(lambda: server.query('node_filesystem_size_bytes or node_load1'))
        self.assertEqual(server.query('{__name__=~"node_systemd.*"} or earshot_host_collector_success{collector="systemd"}'), [])
        self.systemd.units = {'late.service': 'failed'}
        self.systemd.start() # it comes while earshot runs
        eventually(lambda: self.states(server) == [('late.service', 'failed', 'simple')])

    def test_what_cannot_be_is_told_with_its_place(self):
        status, text = Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG % ('200ms', 'broken')}).refused()
        self.assertEqual(status, 2)
        self.assertIn('e.yml:1:42: units: expected failed, all, or names like [nginx.service]', text)


if __name__ == '__main__':
    unittest.main()
