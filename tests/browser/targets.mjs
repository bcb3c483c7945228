// targets: what each costs, and tunnels as parents of what is reached through them.
import { clean } from './axe.mjs';
import { check } from './harness.mjs';
import { ready } from './pages.mjs';

/** The server's answer with a tunnel that stands, one that does not, and a target behind each. */
async function withTunnels(page) {
  await page.route('**/api/v1/targets', async (route) => {
    const answer = await (await route.fetch()).json();
    const [first] = answer.data.activeTargets;
    const behind = (host, over) => ({ ...first, labels: { job: `${host}-api`, instance: `${host}:8000` }, scrapePool: `${host}-api`, scrapeUrl: 'http://127.0.0.1:8000/metrics', ...over });
    answer.data.activeTargets.push(
      behind('win-whisper', { health: 'up', lastError: '', tunnel: { host: 'win-whisper', state: 'connected' } }),
      behind('gpu-box', { health: 'down', lastError: 'tunnel to gpu-box is down: connection refused', tunnel: { host: 'gpu-box', state: 'refused' } }),
    );
    const since = new Date(Date.now() - 7_400_000).toISOString();
    answer.data.tunnels = [
      { host: 'win-whisper', address: 'mira@win-whisper:22', state: 'connected', up: true, words: '', since, reconnects: 1 },
      { host: 'gpu-box', address: 'me@gpu-box:22', state: 'refused', up: false, words: 'Nothing listens on port 22; tries again in 15 s.', since, reconnects: 0 },
    ];
    await route.fulfill({ json: answer });
  });
}

export function targets(suite) {
  suite.test('targets say what they cost', async () => {
    const page = await suite.open('targets');
    await ready(page, 'targets');
    const row = page.locator('.targets-table tbody tr', { hasText: /host\b/ }).first();
    const cells = await row.locator('td').allTextContents();
    check(/%/.test(cells[7]), `CPU: ${cells[7]}`);
    check(/B$/.test(cells[8]), `read: ${cells[8]}`);
    check(/collecting costs .*% of a core/.test(await page.locator('.page-head').textContent()), 'the sum is missing');
  });

  for (const width of [1280, 390])
    suite.test(`tunnels stand above what is reached through them, ${width} px`, async () => {
      const page = await suite.open('targets', { width, before: withTunnels });
      await page.locator('.tunnel-row').nth(1).waitFor();
      const rows = (await page.locator('.targets-table tbody tr').allTextContents()).map((t) => t.replaceAll('\u00a0', ' '));
      const at = (words) => rows.findIndex((r) => r.includes(words));
      check(at('gpu-box-api') === at('me@gpu-box:22') + 1, `not below its tunnel: ${rows.join(' | ')}`);
      check(at('win-whisper-api') === at('mira@win-whisper:22') + 1, 'not below its tunnel');
      check(at('me@gpu-box:22') < at('mira@win-whisper:22'), 'the one that is down does not come first');
      check(rows[at('me@gpu-box:22')].includes('Tunnel down for 2 h'), rows[at('me@gpu-box:22')]);
      check(rows[at('gpu-box-api')].includes('tunnel to gpu-box is down'), rows[at('gpu-box-api')]);
      check(rows[at('mira@win-whisper:22')].includes('1 of 1 target answer'), rows[at('mira@win-whisper:22')]);
      if (width > 1000) {
        const past = await page.locator('.rows').first().evaluate((box) => box.scrollWidth - box.clientWidth);
        check(past <= 0, `the table is ${past} px wider than its place`);
      } else {
        const cost = (await page.locator('.targets-table tr', { hasText: 'win-whisper-api' }).innerText()).replaceAll('\u00a0', ' ');
        check(/%/.test(cost) && (await page.locator('.targets-table td.num:visible').count()) > 4, `a phone does not show what targets cost: ${cost}`);
      }
      await suite.picture(page, `targets-tunnels-${width}`, true);
      await clean(page);
      check(!page.faults.length, page.faults.join(' | '));
    });
}
