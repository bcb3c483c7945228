// dev: serves dist/ as the binary would (same headers) and stands in for the API, so that the page
// can be worked on beside any Prometheus-compatible server.
// usage: npm run dev -- [--port 19940] [--api http://127.0.0.1:19941] [--watch]
// An earshot behind --api answers everything itself; from a Prometheus, overview and stream are made
// here out of queries.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, watch } from 'node:fs';
import { createServer, request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const arg = (name, otherwise) => {
  const i = process.argv.indexOf(`--${name}`);
  return i < 0 ? otherwise : process.argv[i + 1];
};
const port = Number(arg('port', '19940'));
const api = new URL(arg('api', 'http://127.0.0.1:19941'));

export const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
};

async function query(expr) {
  const response = await fetch(new URL(`/api/v1/query?query=${encodeURIComponent(expr)}`, api));
  return response.json();
}
const value = async (expr) => {
  const answer = await query(expr);
  const first = answer.data?.result?.[0];
  return first ? Number(first.value[1]) : null;
};

/** The canned overview, with figures from node_exporter where there is one. */
async function overview() {
  const canned = JSON.parse(readFileSync(join(root, 'scripts/overview.json'), 'utf8'));
  const [cpu, load1, total, free] = await Promise.all([
    value('1 - avg(rate(node_cpu_seconds_total{mode="idle"}[4s]))'),
    value('node_load1'),
    value('node_memory_MemTotal_bytes'),
    value('node_memory_MemAvailable_bytes'),
  ]);
  Object.assign(canned.host, {
    cpu_ratio: cpu,
    load1,
    memory_total_bytes: total,
    memory_used_bytes: total - free,
  });
  return canned;
}

function stream(req, res) {
  const queries = new URL(req.url, api).searchParams.getAll('query');
  res.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const send = async () => {
    for (const [i, q] of queries.entries())
      try {
        res.write(`data: ${JSON.stringify({ query: i, ...(await query(q)) })}\n\n`);
      } catch {
        res.destroy();
      }
  };
  const timer = setInterval(send, 1000);
  void send();
  req.on('close', () => clearInterval(timer));
}

function pass(req, res) {
  const out = request(
    { host: api.hostname, port: api.port, path: req.url, method: req.method, headers: { ...req.headers, host: api.host, origin: api.origin } },
    (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    },
  );
  out.on('error', () => res.destroyed || res.writeHead(502).end());
  req.pipe(out);
}

function asset(req, res) {
  const path = new URL(req.url, api).pathname;
  const manifest = JSON.parse(readFileSync(join(root, 'dist/manifest.json'), 'utf8'));
  const entry = manifest.find((e) => e.path === path);
  if (!entry) return res.writeHead(404, HEADERS).end('not found\n');
  const brotli = entry.files.brotli && /\bbr\b/.test(req.headers['accept-encoding'] ?? '');
  res.writeHead(200, {
    ...HEADERS,
    'Content-Type': entry.type,
    ETag: `"${entry.hash}"`,
    'Cache-Control': entry.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    ...(brotli ? { 'Content-Encoding': 'br' } : {}),
  });
  return res.end(readFileSync(join(root, 'dist', brotli ? entry.files.brotli : entry.files.plain)));
}

const build = () => spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
if (!existsSync(join(root, 'dist/manifest.json'))) build();
if (process.argv.includes('--watch')) {
  let timer;
  watch(join(root, 'src'), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(build, 200);
  });
}

const isEarshot = fetch(new URL('/api/earshot/v1/overview', api)).then((r) => r.ok, () => false);
createServer(async (req, res) => {
  try {
    const { pathname } = new URL(req.url, api);
    const own = await isEarshot;
    if (!own && pathname === '/api/earshot/v1/overview')
      res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(await overview()));
    else if (!own && pathname === '/api/earshot/v1/stream') stream(req, res);
    else if (/^\/(api|-)\//.test(pathname) || pathname === '/metrics') pass(req, res);
    else asset(req, res);
  } catch (e) {
    if (!res.headersSent) res.writeHead(502);
    res.end();
  }
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/ with data from ${api.origin}`));
