// build: src/ -> dist/: few files with hashed names, each with its gzip and brotli form beside it,
// and manifest.json, from which the binary's table is made. Fails when a page budget is broken.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

// One page, several addresses: each is an entry of its own, so that any other path is a true 404.
const PAGES = ['/', '/explore', '/targets', '/status', '/discover'];
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};
const BUDGETS = { 'first load': 60_000, editor: 140_000, all: 230_000 }; // bytes, brotli

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const text = (file) => readFileSync(join(root, 'src', file), 'utf8');

/** Bundles into memory; returns Map of file name -> bytes. */
async function bundle(options) {
  const result = await build({
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2021'],
    charset: 'utf8',
    legalComments: 'none',
    write: false,
    outdir: join(dist, 'assets'),
    logLevel: 'warning',
    ...options,
  });
  return new Map(result.outputFiles.map((f) => [basename(f.path), Buffer.from(f.contents)]));
}

function write(path, bytes, immutable) {
  const file = path === '/' ? 'index.html' : path.slice(1);
  const files = { plain: file };
  const full = join(dist, file);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, bytes);
  const gzip = gzipSync(bytes, { level: 9 });
  const brotli = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 22,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  if (gzip.length < bytes.length) writeFileSync(join(dist, (files.gzip = `${file}.gz`)), gzip);
  if (brotli.length < bytes.length) writeFileSync(join(dist, (files.brotli = `${file}.br`)), brotli);
  return {
    path,
    type: TYPES[extname(file)],
    hash: hash(bytes),
    immutable,
    size: bytes.length,
    brotli: Math.min(brotli.length, bytes.length),
    files,
  };
}

rmSync(dist, { recursive: true, force: true });
const assets = await bundle({
  entryPoints: { app: join(root, 'src/main.tsx') },
  splitting: true,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  jsx: 'automatic',
  jsxImportSource: 'preact',
});
const names = [...assets.keys()];
const named = (start, end) => {
  const name = names.find((n) => n.startsWith(`${start}-`) && n.endsWith(end));
  if (!name) throw new Error(`no ${start}*${end} among ${names.join(', ')}`);
  return name;
};
const html = text('index.html')
  .replace('%CSS%', `assets/${named('app', '.css')}`)
  .replace('%JS%', `assets/${named('app', '.js')}`);
const shell = [...names.map((n) => `assets/${n}`), './'];
const worker = await bundle({
  entryPoints: { sw: join(root, 'src/sw/sw.ts') },
  define: { SHELL: JSON.stringify(shell), VERSION: JSON.stringify(hash(names.join() + html)) },
});

const index = write('/', Buffer.from(html), false);
const manifest = [
  ...PAGES.map((path) => ({ ...index, path })),
  write('/sw.js', worker.get('sw.js'), false),
  write('/mark.svg', Buffer.from(text('mark.svg')), false),
  write('/earshot.webmanifest', Buffer.from(text('earshot.webmanifest')), false),
  ...names.map((name) => write(`/assets/${name}`, assets.get(name), true)),
];
writeFileSync(join(dist, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);

// What the browser fetches before the first picture: the page, app, its style and shared chunks.
const files = [...new Map(manifest.map((e) => [e.files.plain, e])).values()];
const sum = (list) => list.reduce((n, e) => n + e.brotli, 0);
const lazy = (e) => /^\/assets\/(editor|plot)-/.test(e.path);
const sizes = {
  'first load': sum(files.filter((e) => !lazy(e) && !/^\/(sw\.js|mark|earshot)/.test(e.path))),
  editor: sum(files.filter((e) => e.path.startsWith('/assets/editor-'))),
  all: sum(files),
};
let broken = false;
for (const [what, most] of Object.entries(BUDGETS)) {
  const over = sizes[what] > most;
  broken ||= over;
  console.log(
    `${what.padEnd(11)} ${String(sizes[what]).padStart(7)} of ${most} bytes (brotli)${over ? '  OVER' : ''}`,
  );
}
writeFileSync(join(dist, 'budgets.json'), `${JSON.stringify({ sizes, budgets: BUDGETS })}\n`);
process.exitCode = broken ? 1 : 0;
