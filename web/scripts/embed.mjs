// embed: dist/manifest.json -> a C table and an assembler file that takes the bytes in by .incbin.
// usage: node embed.mjs MANIFEST OUT.c OUT.S DEPFILE
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const [manifestFile, outC, outS, depfile] = process.argv.slice(2);
const dist = resolve(dirname(manifestFile));
const entries = JSON.parse(readFileSync(manifestFile, 'utf8'));
entries.sort((a, b) => (a.path < b.path ? -1 : 1));

const quote = (text) => JSON.stringify(text); // paths and types are plain ASCII: a C literal too
const symbols = new Map(); // file -> {name, size}: pages that share a file share its bytes
for (const entry of entries)
  for (const file of Object.values(entry.files))
    if (!symbols.has(file))
      symbols.set(file, { name: `web_asset_${symbols.size}`, size: statSync(join(dist, file)).size });

const str = (file) => {
  const symbol = file && symbols.get(file);
  return symbol ? `{${symbol.name}, ${symbol.size}}` : '{NULL, 0}';
};

writeFileSync(
  outS,
  [
    '/* Made by web/scripts/embed.mjs. */',
    '    .section .rodata',
    ...[...symbols].flatMap(([file, { name }]) => [
      '    .balign 16',
      `    .global ${name}`,
      `    .hidden ${name}`,
      `${name}:`,
      `    .incbin ${quote(join(dist, file))}`,
    ]),
    '    .section .note.GNU-stack,"",%progbits',
    '',
  ].join('\n'),
);

writeFileSync(
  outC,
  [
    '/* Made by web/scripts/embed.mjs. */',
    '#include "web/assets.h"',
    '',
    ...[...symbols.values()].map(
      ({ name }) => `extern const char ${name}[] __attribute__((visibility("hidden")));`,
    ),
    '',
    'const struct http_asset web_assets[] = {',
    ...entries.map(
      (e) =>
        `    {${quote(e.path)}, ${quote(e.type)}, ${quote(`"${e.hash}"`)}, ${str(e.files.plain)}, ` +
        `${str(e.files.gzip)}, ${str(e.files.brotli)}, ${e.immutable}},`,
    ),
    '};',
    `const size_t web_assets_n = ${entries.length};`,
    '',
  ].join('\n'),
);

const escape = (path) => path.replace(/[ \\#$]/g, '\\$&');
writeFileSync(
  depfile,
  `${escape(outC)} ${escape(outS)}: ${[...symbols.keys()].map((f) => escape(join(dist, f))).join(' ')}\n`,
);
