"""Tunnels and what may happen to them: how long until it is told right, and from mending until the first good sample;
and what the far machine pays.

usage: ssh.py [RUNS]. The far machine is a network namespace with a real sshd and a service that answers with the time; it
is scraped every 500 ms, with the keepalive that an entry of hosts has by itself. Needs the rights of root.
"""
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'tests/e2e'))
import server as server_module  # noqa: E402
import test_ssh  # noqa: E402
from server import Peer, eventually  # noqa: E402
from sshd import Sshd, make_key  # noqa: E402
from test_ssh import own, state, target  # noqa: E402

DOWN_S = 10  # between telling and mending, so that attempts lie apart
SETTLE_S = 2  # before the next fault, for good samples in between
LATEST_S = 120
WINDOW_S, WINDOWS = 30, 3  # of the cost

PARTS = {
    'host': '{host: {interval: 5s}}',
    'host and processes': """{host: {interval: 5s}, process: [{name: daemon, exe: sshd, interval: 5s},
        {name: all, match: '.', interval: 5s}]}""",
}


class Faults(test_ssh.Space):
    def __init__(self):
        self.make_space('es')
        self.service = self.sshd = None
        self.start_service()
        self.sshd = Sshd(address=self.there, inside=self.inside)
        self.server = test_ssh.serve(self.sshd.entry(keepalive='{}', collect='{scrape: [%s]}' % test_ssh.job('x', 8000)))
        eventually(self.is_good, LATEST_S)

    def close(self):
        self.server.close()
        self.service.stop()
        self.sshd.close()
        self.end_space()

    def start_service(self):
        self.service = Peer(*self.inside, sys.executable, '-c', test_ssh.CLOCK)

    def is_good(self):
        return target(self.server, 'x')['health'] == 'up' and state(self.server) == 'connected'

    def first_good_after(self, moment):
        """seconds from then until the service answered what was stored"""
        def newest():
            values = [v for _, v in self.server.query('clock_seconds') if v > moment]
            return values and values[0] - moment
        return eventually(newest, LATEST_S, .02)

    def until(self, what):
        begun = time.monotonic()
        eventually(what, LATEST_S, .02)
        return time.monotonic() - begun

    def error(self):
        return target(self.server, 'x')['lastError']

    # Each: (seconds until it was told, seconds from mending to the first good sample)

    def run(self, begin, told, mend):
        begin()
        seconds = self.until(told)
        time.sleep(DOWN_S)
        mend()
        return seconds, self.first_good_after(time.time())

    def cut_without_fin(self):
        return self.run(lambda: self.swallow(True), lambda: state(self.server) == 'timeout', lambda: self.swallow(False))

    def cut_as_targets_say_it(self):
        return self.run(lambda: self.swallow(True), lambda: self.error().startswith('tunnel to box is down: nothing has come'),
                        lambda: self.swallow(False))

    def killed_sshd(self):
        return self.run(self.sshd.kill, lambda: state(self.server) == 'refused', self.sshd.start)

    def changed_host_key(self):
        def begin():
            make_key(self.sshd.file('host'))
            self.sshd.restart()
        return self.run(begin, lambda: state(self.server) == 'host_key_changed', self.sshd.trust)

    def dead_far_target(self):
        return self.run(self.service.stop, lambda: self.error().startswith('far end refused: nothing listens'), self.start_service)

    def two_seconds_of_loss(self):
        before = own(self.server, 'earshot_ssh_reconnects_total')
        self.swallow(True)
        time.sleep(2)
        self.swallow(False)
        seconds = self.first_good_after(time.time())
        assert own(self.server, 'earshot_ssh_reconnects_total') == before, 'the tunnel was cut'
        return None, seconds

    def dates(self):
        """of each sample: the moment at which the service answered, less the timestamp"""
        series = self.server.api('query', query='clock_seconds[1h]')['result']
        return [float(value) - ts for ts, value in series[0]['values']]


def far_cost(collect):
    """% of a core that sshd, our shells and their children take: the least of a few windows, for what else this machine
    does is charged to whoever runs then"""
    sshd = Sshd()
    server = test_ssh.serve(sshd.entry(keepalive='{}', collect=collect))
    shares = []
    try:
        eventually(lambda: server.query('up{host="box"} == 1'))
        for _ in range(WINDOWS):
            before, begun = test_ssh.cpu_of(sshd), time.monotonic()
            time.sleep(WINDOW_S)
            shares.append((test_ssh.cpu_of(sshd) - before) / (time.monotonic() - begun) * 100)
    finally:
        server.close()
        sshd.close()
    return min(shares)


def shown(numbers):
    return ' '.join('%5.1f' % n for n in sorted(numbers)) if numbers[0] is not None else '-'


def main():
    runs = int(sys.argv[1]) if sys.argv[1:] else 5
    server_module.BINARY = os.path.join(ROOT, 'build/release/earshot')
    for name, collect in PARTS.items():
        print('far machine, %s at 5 s: %.2f %% of a core with %d processes' % (
            name, far_cost(collect), sum(n.isdigit() for n in os.listdir('/proc'))), flush=True)
    faults = Faults()
    try:
        for fault in (faults.killed_sshd, faults.changed_host_key, faults.dead_far_target, faults.two_seconds_of_loss,
                      faults.cut_as_targets_say_it, faults.cut_without_fin):
            times = []
            for _ in range(runs):
                eventually(faults.is_good, LATEST_S)
                time.sleep(SETTLE_S)
                times.append(fault())
            print('%-24s told after %-30s s   mended to the first good sample %s s' % (
                fault.__name__.replace('_', ' '), shown([t[0] for t in times]), shown([t[1] for t in times])), flush=True)
        dates = faults.dates()
        print('%d samples: the service answered %.3f to %.3f s after their timestamps' % (len(dates), min(dates), max(dates)))
    finally:
        faults.close()


if __name__ == '__main__':
    main()
