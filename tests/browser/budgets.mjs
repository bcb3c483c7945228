// budgets: what the server really sends, compressed, and the headers it sends with it.
import { get } from 'node:http';
import { check } from './harness.mjs';

const BUDGETS = { first: 60_000, editor: 140_000, all: 230_000 }; // bytes

function fetch(url, encoding) {
  return new Promise((yes, no) => {
    get(url, { headers: { 'accept-encoding': encoding } }, (res) => {
      const parts = [];
      res.on('data', (p) => parts.push(p));
      res.on('end', () => yes({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
      res.on('error', no);
    }).on('error', no);
  });
}

/** Everything the page is made of: what the HTML names, and the chunks those files name. */
async function files(base) {
  const html = await fetch(base, 'identity');
  const found = new Map([['', html]]);
  const todo = [...html.body.toString().matchAll(/(?:href|src)="([^":]+\.(?:js|css|svg|webmanifest))"/g)].map((m) => m[1]);
  todo.push('sw.js');
  while (todo.length) {
    const path = todo.pop();
    if (found.has(path)) continue;
    const file = await fetch(new URL(path, base), 'identity');
    check(file.status === 200, `${path}: HTTP ${file.status}`);
    found.set(path, file);
    if (path.endsWith('.js')) for (const m of file.body.toString().matchAll(/"\.\/([\w-]+\.js)"/g)) todo.push(`assets/${m[1]}`);
  }
  return [...found.keys()];
}

export function budgets(suite) {
  const base = suite.options.url;
  suite.test('the page keeps its budgets in brotli', async () => {
    const sizes = {};
    for (const path of await files(base)) sizes[path] = (await fetch(new URL(path, base), 'br')).body.length;
    const sum = (f) => Object.entries(sizes).reduce((n, [path, size]) => n + (f(path) ? size : 0), 0);
    const editor = sum((p) => p.includes('editor-'));
    const first = sum((p) => p === '' || /assets\/(app|chunk)-/.test(p));
    const all = sum(() => true);
    console.log(`      first load ${first}, editor ${editor}, all ${all} bytes`);
    check(editor > 10_000, 'no editor chunk found');
    check(first <= BUDGETS.first && editor <= BUDGETS.editor && all <= BUDGETS.all, 'over budget');
  });

  suite.test('hashed files are kept for long, the page is asked for anew, with its ETag', async () => {
    for (const path of await files(base)) {
      const { headers } = await fetch(new URL(path, base), 'br');
      const cache = headers['cache-control'] ?? '';
      check(path.startsWith('assets/') ? /immutable/.test(cache) : !/immutable/.test(cache), `${path || '/'}: cache-control ${cache}`);
      check(headers.etag, `${path || '/'}: no ETag`);
      check(headers['content-encoding'] === 'br' || path.endsWith('.svg') || path.endsWith('manifest'), `${path || '/'}: not in brotli`);
    }
  });

  suite.test('security headers', async () => {
    const { headers } = await fetch(base, 'identity');
    const csp = headers['content-security-policy'] ?? '';
    check(/default-src 'self'|default-src 'none'/.test(csp) && !/unsafe-/.test(csp), `CSP: ${csp}`);
    check(headers['x-content-type-options'] === 'nosniff', 'no nosniff');
  });
}
