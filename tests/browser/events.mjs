// events: changes as lines through the chart and in words below it; jobs as clips.
import { clean } from './axe.mjs';
import { check } from './harness.mjs';
import { ready } from './pages.mjs';

const at = (before) => new Date(Date.now() - before * 1000).toISOString();

/** What the server would tell of a service that works; `held` answers once it is there. */
async function withEvents(page, { job = 'node', length = 40, held } = {}) {
  await page.route('**/api/earshot/v1/events*', async (route) => {
    await held;
    const jobs = [...Array(12).keys()].map((i) => ({
      id: 100 + i, kind: 'job', start: at(800 - i * 60), end: i === 11 ? null : at(800 - length - i * 60),
      labels: { job, model: i % 2 ? 'music' : 'tts', status: i === 4 ? 'failed' : i === 11 ? 'processing' : 'done' }, text: `job ${i}`,
    }));
    const changes = [
      { id: 1, kind: 'model', start: at(600), end: at(600), labels: { job }, text: 'magnet: unloaded, was ready' },
      { id: 2, kind: 'restart', start: at(120), end: at(120), labels: { job }, text: 'worker restarted' },
      { id: 3, kind: 'restart', start: at(119), end: at(119), labels: { job }, text: 'api restarted' },
      { id: 4, kind: 'deploy', start: at(7000), end: at(7000), labels: {}, text: 'api 1.4.2' },
    ];
    const asked = new URL(route.request().url()).searchParams;
    return route.fulfill({ json: { status: 'success', data: asked.get('kind') === 'job' ? jobs : changes.filter((e) => e.id !== 4 || !asked.get('start') || Date.parse(e.start) / 1000 > Number(asked.get('start'))) } });
  });
}

export function events(suite) {
  const query = `explore?expr=${encodeURIComponent('up{job="node"}')}&range=now-15m&live=off`;

  suite.test('what really happened stands below the chart', async () => {
    const page = await suite.open('explore?expr=up&range=now-15m');
    await ready(page, 'explore');
    await page.locator('[data-test="happened"] li', { hasText: 'earshot started' }).first().waitFor({ timeout: 20_000 });
    check(!page.faults.length, page.faults.join(' | '));
  });

  for (const [width, theme] of [[1280, 'dark'], [390, 'light']])
    suite.test(`changes are lines and words, jobs are clips, ${width} px`, async () => {
      const page = await suite.open(query, { width, theme, before: withEvents });
      await page.locator('[data-test="happened"] li').nth(2).waitFor();
      const words = await page.locator('[data-test="happened"] .changes').textContent();
      for (const text of ['worker restarted', 'api restarted', 'magnet: unloaded, was ready']) check(words.includes(text), `no "${text}" in ${words}`);
      const lanes = (await page.locator('[data-test="happened"] .lane p').allTextContents()).map((t) => t.replaceAll('\u00a0', ' '));
      check(lanes.join('|') === 'music: 6 jobs, 1 at work|tts: 6 jobs, 1 failed', lanes.join('|'));
      check((await page.locator('.clips rect').count()) >= 12, 'no clips');
      await page.locator('[data-test="graph"] canvas').waitFor();
      const [plot, clips] = await Promise.all(['[data-test="graph"] .plot', '.clips >> nth=0'].map((at) => page.locator(at).boundingBox()));
      check(Math.abs(plot.x - clips.x) < 2 && Math.abs(plot.width - clips.width) < 4, `clips stand on another axis: ${JSON.stringify([plot, clips])}`);
      await page.waitForTimeout(500);
      const lines = await page.evaluate(() => {
        // A dashed line is the one column of the canvas that changes its colour from top to bottom all along.
        const canvas = document.querySelector('[data-test="graph"] canvas');
        const { width: w, height: h } = canvas;
        const { data } = canvas.getContext('2d').getImageData(0, 0, w, h);
        const same = (x, y, x2, y2) => [0, 1, 2, 3].every((c) => data[(y * w + x) * 4 + c] === data[(y2 * w + x2) * 4 + c]);
        let found = 0;
        for (let x = 2; x < w; x++) {
          let turns = 0;
          for (let y = Math.floor(h * 0.2); y < h * 0.8; y++) turns += !same(x, y, x, y - 1) && same(x - 2, y, x - 2, y - 1);
          found += turns > h * 0.15;
        }
        return found;
      });
      check(lines >= 2, `${lines} lines through the chart`);
      await suite.picture(page, `events-${width}-${theme}`, true);
      await clean(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `the page is ${wide} px wider than the screen`);
      check(!page.faults.length, page.faults.join(' | '));
    });

  for (const [width, theme] of [[1280, 'dark'], [1280, 'light'], [390, 'light']])
    suite.test(`the overview has changes on its day and its tiles, and jobs below the line, ${width} px, ${theme}`, async () => {
      let release;
      const held = new Promise((done) => (release = done));
      const page = await suite.open('?range=now-15m', { width, theme, before: (p) => withEvents(p, { held }) });
      await ready(page, 'overview');
      await page.locator('[data-test="strip"] .strip-row').nth(1).waitFor();
      await page.waitForTimeout(800);
      const places = () => page.evaluate(() => ['[data-test="strip"]', '.tiles', '[data-test="top"]'].map((s) => JSON.stringify(document.querySelector(s)?.getBoundingClientRect())));
      const before = await places();
      release();
      await page.locator('[data-test="what-changed"] li').nth(3).waitFor();
      await page.locator('.change').first().waitFor();
      const after = await places();
      if (width > 1000) check(before.join() === after.join(), `things moved when events came: ${before} ${after}`);
      await suite.picture(page, `overview-events-${width}-${theme}`, true);
      const listed = await page.locator('[data-test="what-changed"]').innerText();
      for (const text of ['worker restarted', 'magnet: unloaded', 'api 1.4.2']) check(listed.includes(text), `no "${text}" in ${listed}`);
      // The deploy names no service: it stands in each row. The two restarts share a mark.
      const words = await page.locator('.change').evaluateAll((all) => all.map((a) => `${a.getAttribute('aria-label')} | ${a.querySelector('title')?.textContent}`));
      check(words.some((w) => /worker restarted; .*api restarted/.test(w)), words.join('\n'));
      check(words.filter((w) => w.includes('api 1.4.2')).length === (await page.locator('.strip-row').count()) - 1, words.join('\n'));
      const mark = page.locator('.change').first();
      await mark.focus();
      check(await mark.evaluate((a) => a === document.activeElement && a.getAttribute('href').includes('explore?')), 'a mark leads nowhere');
      const jobs = page.locator('[data-test="strip"] g[role="img"]');
      const said = (await jobs.evaluateAll((all) => all.map((g) => g.getAttribute('aria-label')))).map((w) => w.replaceAll('\u00a0', ' '));
      check(said.length && said.every((w) => w === '12 jobs, 1 failed, 1 at work'), `jobs are not in the rows of their service: ${said}`);
      check((await jobs.locator('rect').count()) > 2, 'no band of jobs');
      await clean(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `the page is ${wide} px wider than the screen`);
      if (width > 1000) {
        await page.getByRole('button', { name: 'show as table' }).click();
        await page.getByRole('cell', { name: /12.jobs, 1.failed/ }).first().waitFor();
      }
      check(!page.faults.length, page.faults.join(' | '));
    });
}
