// beacon: the script in a page of another origin, with the Origin headers and questions of a real browser.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, Skip, until } from './harness.mjs';

const listening = (server) => new Promise((r) => server.listen(0, '127.0.0.1', () => r(server.address().port)));

async function freePort() {
  const server = createServer();
  const port = await listening(server);
  await new Promise((r) => server.close(r));
  return port;
}

/** An earshot of its own whose beacon is open to `origins`. */
async function earshot(binary, origins) {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-beacon-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  writeFileSync(join(folder, 'e.yml'), `collect: {push: {sources: [auralis]}}\nbeacon: {allowed_origins: ${JSON.stringify(origins)}}\n`);
  const child = spawn(binary, ['serve', '--config', join(folder, 'e.yml'), '--listen', url.slice(7), '--data', join(folder, 'data')], { stdio: 'ignore' });
  await until('earshot is ready', () => fetch(`${url}/-/ready`).then((r) => r.ok, () => false));
  return {
    url,
    async value(expr) {
      const { data } = await (await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`)).json();
      return data.result.length ? Number(data.result[0].value[1]) : null;
    },
    async stop() {
      const ended = new Promise((r) => child.once('exit', r));
      child.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

export function beacon(suite) {
  suite.test('a page of an allowed origin tells how its sound fares, one of another may not', async () => {
    if (!suite.options.binary) throw new Skip('needs --binary');
    let script = '';
    const pages = createServer((_, r) => r.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>radio</title>${script}`));
    const port = await listening(pages);
    const server = await earshot(suite.options.binary, [`http://localhost:${port}`]);
    try {
      script = `<script src="${server.url}/earshot-beacon.js" data-service="auralis" data-seconds="1"></script>`;
      const page = await suite.open(`http://localhost:${port}/`);
      await page.evaluate(() => {
        for (const ms of [40, 60]) earshotBeacon.chunk(ms);
        earshotBeacon.chunk();
        earshotBeacon.error();
        earshotBeacon.underrun();
      });
      const stats = await page.evaluate(() => earshotBeacon.stats());
      check(JSON.stringify(stats) === '{"chunksReceived":3,"chunkErrors":1,"bufferUnderruns":1,"avgLatencyMs":50,"errorRate":0.3333333333333333}', JSON.stringify(stats));
      await until('its chunks are counted', async () => (await server.value('auralis_client_chunks_received_total')) === 3);
      check((await server.value('auralis_client_latency_ms')) === 50, 'latency');
      const json = { 'Content-Type': 'application/json' }; // of which a browser asks beforehand
      const send = (headers) => page.evaluate(([url, h]) => fetch(url, { method: 'POST', headers: h, body: '{"type":"client_metrics","metrics":{}}' }).then((r) => r.status, (e) => e.name),
        [`${server.url}/api/earshot/v1/beacon?service=auralis&session=mine`, headers]);
      check((await send(json)) === 204, 'a question beforehand was not answered');
      check((await send({ 'X-Other': '1' })) === 'TypeError', 'another header was let through');
      const api = await page.evaluate((url) => fetch(url).then((r) => r.status, (e) => e.name), `${server.url}/api/v1/query?query=1`);
      check(api === 'TypeError', 'the API may be read by another origin');

      const stranger = await suite.open(`http://127.0.0.1:${port}/`); // the same page, another origin
      await stranger.evaluate(() => earshotBeacon.send({ chunksReceived: 1000 }));
      const refused = async () => Number(/^earshot_push_beacons_refused_total (.*)/m.exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
      await until('it is refused', async () => (await refused()) >= 1);
      await new Promise((r) => setTimeout(r, 5500)); // one cycle of the target
      check((await server.value('auralis_client_chunks_received_total')) === 3, 'a stranger was counted');
    } finally {
      await server.stop();
      pages.closeAllConnections?.();
      pages.close();
    }
  });
}
