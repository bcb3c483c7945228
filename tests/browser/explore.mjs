// explore: editor, completion, mistakes, graph, zoom, an empty answer.
import { check, until } from './harness.mjs';
import { PAGES, ready } from './pages.mjs';

const params = (page) => new URL(page.url()).searchParams;

async function ask(page, text) {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.type(text);
  await page.keyboard.press('Escape'); // completion
  await page.keyboard.press('Control+Enter');
}

export function explore(suite) {
  suite.test('the editor completes metric names', async () => {
    const page = await suite.open('explore');
    await page.locator('.cm-content').click();
    await page.keyboard.type('scrape_dur');
    await page.locator('.cm-tooltip-autocomplete', { hasText: 'scrape_duration_seconds' }).waitFor();
    await suite.picture(page, 'explore-completion');
    check(!page.faults.length, page.faults.join(' | '));
  });

  suite.test('Ctrl+Enter runs; graph and table show the answer', async () => {
    const page = await suite.open('explore');
    await page.locator('.cm-content').waitFor();
    await ask(page, 'scrape_duration_seconds');
    await page.locator('[data-test="graph"] canvas').waitFor();
    await page.locator('[data-test="table"] tbody tr').first().waitFor();
    check(params(page).get('expr') === 'scrape_duration_seconds', page.url());
    check(!page.faults.length, page.faults.join(' | '));
  });

  suite.test('a mistake is told in words, with its place, and marked in the editor', async () => {
    const page = await suite.open('explore');
    await page.locator('.cm-content').waitFor();
    await ask(page, 'sum(up))');
    await page.locator('[data-test="failed"]').waitFor();
    check(/column \d+/.test(await page.locator('[data-test="failed"]').textContent()), 'no place named');
    await page.locator('.cm-lintRange-error, .cm-lintPoint-error').first().waitFor();
    await suite.picture(page, 'explore-mistake');
  });

  suite.test('an empty answer is taken apart', async () => {
    const page = await suite.open(`explore?expr=${encodeURIComponent('up{job="nobody"} + up')}`);
    await page.locator('[data-test="empty"] .dead').waitFor({ timeout: 15_000 });
    check((await page.locator('[data-test="empty"] .dead').textContent()).includes('nobody'), 'the wrong part is blamed');
    check(/keeps none of the \d+ series of up/.test(await page.locator('[data-test="empty"]').textContent()), 'no reason is given');
    check(!page.faults.length, page.faults.join(' | '));
  });

  suite.test('the mended expression of an empty answer is asked with one click', async () => {
    const page = await suite.open(`explore?expr=${encodeURIComponent('scrape_duration_second > 0')}&range=now-15m&live=off`);
    await page.locator('[data-test="offer"] .spark svg').waitFor({ timeout: 15_000 });
    await suite.picture(page, 'explore-empty');
    await page.locator('[data-test="use"]').click();
    await page.locator('[data-test="graph"] canvas').waitFor();
    check(params(page).get('expr') === 'scrape_duration_seconds > 0', page.url());
    check(!page.faults.length, page.faults.join(' | '));
  });

  suite.test('dragging zooms and ends Live; a double click goes back', async () => {
    const page = await suite.open(PAGES.explore.path);
    await ready(page, 'explore');
    const over = page.locator('.u-over');
    await over.waitFor();
    const box = await over.boundingBox();
    await page.mouse.move(box.x + box.width * 0.85, box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.995, box.y + 90, { steps: 8 });
    await page.mouse.up();
    await until('from and to are in the URL', () => params(page).has('from') && params(page).has('to'));
    check((await page.locator('[data-test="live"]').getAttribute('aria-pressed')) === 'false', 'still live');
    await page.locator('.u-over').dblclick();
    await until('the range is back', () => params(page).get('range') === 'now-15m');
  });

  suite.test('the crosshair shows values beside it and in the table', async () => {
    const page = await suite.open('explore?expr=scrape_duration_seconds&range=now-15m&live=off');
    await page.locator('.u-over').waitFor();
    await page.waitForTimeout(500);
    const box = await page.locator('.u-over').boundingBox();
    await page.mouse.move(box.x + box.width - 40, box.y + 100);
    await page.locator('.tip-row').first().waitFor();
    const tip = await page.locator('.tip').boundingBox();
    check(tip.x + tip.width < box.x + box.width - 40, 'the tooltip lies under the pointer');
    await page.locator('th', { hasText: 'at ' }).waitFor();
    await suite.picture(page, 'explore-crosshair');
  });

  suite.test('Left and Right move the playhead, and the URL keeps it', async () => {
    const page = await suite.open('explore?expr=up&range=now-15m&live=off');
    await page.locator('.u-over').waitFor();
    await page.keyboard.press('ArrowLeft');
    await until('at is in the URL', () => params(page).has('at'));
    const first = Number(params(page).get('at'));
    await page.keyboard.press('Shift+ArrowLeft');
    await until('ten steps back', () => Number(params(page).get('at')) < first);
  });

  suite.test('a metric from the browser is asked with one click', async () => {
    const page = await suite.open('explore');
    await page.locator('.browser input').fill('scrape_samples_sc');
    await page.locator('.browser-list button', { hasText: 'scrape_samples_scraped' }).click();
    await page.locator('[data-test="graph"] canvas').waitFor();
    await page.locator('.browser-details').waitFor();
  });

  suite.test('a series keeps its colour when the order of the answer changes', async () => {
    const colours = async (expr) => {
      const page = await suite.open(`explore?expr=${encodeURIComponent(expr)}&range=now-15m&live=off`);
      await ready(page, 'explore');
      return page.locator('.series-table tbody tr').evaluateAll((rows) =>
        Object.fromEntries(rows.map((r) => [r.querySelector('.series-name').textContent, r.querySelector('.swatch').style.background])),
      );
    };
    const a = await colours('sum by (job) (up)');
    const b = await colours('sort_desc(sum by (job) (up)) * 2');
    check(JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort()), `${JSON.stringify(a)} and ${JSON.stringify(b)}`);
  });
}
