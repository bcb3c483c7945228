// run: tests of the page in a real browser (Debian's chromium) against a running earshot.
// usage: node run.mjs --url http://127.0.0.1:3277 --out DIR [--binary EARSHOT] [--screenshot FILE] [--only WORDS] [--chromium PATH]
import { beacon } from './beacon.mjs';
import { budgets } from './budgets.mjs';
import { discover } from './discover.mjs';
import { events } from './events.mjs';
import { explore } from './explore.mjs';
import { frame } from './frame.mjs';
import { looks } from './looks.mjs';
import { live } from './live.mjs';
import { Suite } from './harness.mjs';
import { targets } from './targets.mjs';

const arg = (name, otherwise) => {
  const i = process.argv.indexOf(`--${name}`);
  return i < 0 ? otherwise : process.argv[i + 1];
};
const url = arg('url', 'http://127.0.0.1:3277');
const suite = new Suite({
  url: url.endsWith('/') ? url : `${url}/`,
  out: arg('out', 'out'),
  chromium: arg('chromium', '/usr/bin/chromium'),
  screenshot: arg('screenshot', ''),
  binary: arg('binary', ''),
});
for (const part of [looks, frame, explore, live, targets, beacon, discover, events, budgets]) part(suite);
process.exitCode = await suite.run(arg('only', ''));
