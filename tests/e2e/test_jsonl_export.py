"""Lines of JSON that a service's own collector wrote come out again as such lines (S3.12)."""
import datetime
import json
import os
import unittest

from server import Server, eventually
from test_json import sample

CONFIG = '''collect:
  json:
  - {name: metrics, job: document-hub, instance: hub, interval: 1s, file: m.jsonl, time: timestamp, timezone: UTC, metrics: {
      document_hub_resources: {path: resources, leaves: true}, document_hub_queues: {path: queues, leaves: true}}}
'''


def numbers(value):
    """without what is no number, and objects that are empty then"""
    if isinstance(value, dict):
        out = {k: numbers(v) for k, v in value.items()}
        return {k: v for k, v in out.items() if v is not None and v != {}}
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class Export(unittest.TestCase):
    def test_s3_12_what_was_read_is_exported_the_same(self):
        """S3.12: JSON lines of timestamp, resources and queues, in and out again"""
        lines = []
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
        for text in sample('document-hub-metrics.jsonl').splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                pass  # the torn one
        self.assertEqual(len(lines), 30)
        for i, line in enumerate(lines):  # fresh enough for the store, on the second and between two
            at = now - datetime.timedelta(seconds=20 * (len(lines) - i), milliseconds=-372 if i % 2 else 0)
            line['timestamp'] = at.isoformat(timespec='milliseconds' if i % 2 else 'seconds')
        with Server('--config', '{dir}/e.yml', files={'e.yml': CONFIG, 'm.jsonl': ''.join(json.dumps(line) + '\n' for line in lines)}) as server:
            def export(**params):
                status, body, headers = server.get('/api/earshot/v1/metrics.jsonl?pack=document-hub' + ''.join('&%s=%s' % p for p in params.items()))
                self.assertEqual(status, 200, body)
                self.assertEqual(headers['Content-Type'], 'application/x-ndjson')
                return [json.loads(text) for text in body.decode().splitlines()]
            got = eventually(lambda: len(export()) >= 29 and export())
            wanted = [line for line in lines if numbers(line.get('resources')) or numbers(line.get('queues'))]
            self.assertEqual([g['timestamp'] for g in got], [w['timestamp'] for w in wanted])
            for g, w in zip(got, wanted):
                self.assertEqual(set(g), {'timestamp', 'resources', 'queues'})
                for part in ('resources', 'queues'):
                    self.assertEqual(numbers(g[part]), numbers(w.get(part)) or {}, w)
            middle = datetime.datetime.fromisoformat(wanted[15]['timestamp']).replace(tzinfo=datetime.timezone.utc).timestamp()
            self.assertEqual(len(export(start=middle, end=middle)), 1)
            self.assertEqual(export(instance='other'), [])
            self.assertEqual(server.get('/api/earshot/v1/metrics.jsonl')[0], 400)
            # and in again: the same series
            with open(os.path.join(server.dir, 'e.yml'), 'a', encoding='utf-8') as f:
                f.write(CONFIG.split('\n', 2)[2].replace('instance: hub', 'instance: again').replace('name: metrics', 'name: again').replace('m.jsonl', 'again.jsonl'))
            with open(os.path.join(server.dir, 'again.jsonl'), 'w', encoding='utf-8') as f:
                f.write(''.join(json.dumps(g) + '\n' for g in got))
            server.stop()
            server.start()
            eventually(lambda: export(instance='again') == got)


if __name__ == '__main__':
    unittest.main()
