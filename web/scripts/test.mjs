// test: bundles src/**/*.test.ts into build files and runs them with node's own test runner.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const src = join(dirname(fileURLToPath(import.meta.url)), '..', 'src');
const walk = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? walk(join(dir, e.name)) : e.name.endsWith('.test.ts') ? [join(dir, e.name)] : [],
  );
const out = mkdtempSync(join(tmpdir(), 'earshot-web-test-'));
try {
  await build({
    entryPoints: walk(src),
    bundle: true,
    platform: 'node',
    format: 'esm',
    outdir: out,
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
  const files = readdirSync(out, { recursive: true }).filter((f) => f.endsWith('.mjs'));
  const nested = files.length ? files.map((f) => join(out, f)) : [];
  const env = { ...process.env, TZ: 'UTC' }; // clock words are tested in one zone
  const run = spawnSync(process.execPath, ['--test', ...nested], { stdio: 'inherit', env });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
