// frame: keyboard, search, theme, the URL as the page's memory.
import { check, until } from './harness.mjs';
import { PAGES, ready } from './pages.mjs';

const params = (page) => new URL(page.url()).searchParams;

export function frame(suite) {
  suite.test('keys: g and a letter change the page, / searches, ? lists the keys, Esc closes', async () => {
    const page = await suite.open('');
    await ready(page, 'overview');
    for (const [key, path] of [['e', '/explore'], ['t', '/targets'], ['s', '/status'], ['d', '/discover'], ['o', '/']]) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await until(`g ${key} leads to ${path}`, () => new URL(page.url()).pathname === path);
    }
    await page.keyboard.press('/');
    await until('the search field has the focus', () => page.evaluate(() => document.activeElement?.getAttribute('type') === 'search'));
    await page.keyboard.type('gt'); // letters are text now
    check(new URL(page.url()).pathname === '/', 'keys acted while a field had the focus');
    await page.keyboard.press('Escape');
    await until('Esc closes', async () => !(await page.locator('dialog[open]').count()));
    await page.keyboard.press('?');
    await page.locator('dialog[open]').waitFor();
  });

  suite.test('single-letter keys can be switched off', async () => {
    const page = await suite.open('');
    await ready(page, 'overview');
    await page.keyboard.press('?');
    await page.locator('#letters').uncheck();
    await page.keyboard.press('Escape');
    await until('closed', async () => !(await page.locator('dialog[open]').count()));
    await page.keyboard.press('/');
    await page.waitForTimeout(300);
    check(!(await page.locator('dialog[open]').count()), '/ still opened the search');
  });

  suite.test('the first Tab reaches the skip link, which leads to the page', async () => {
    const page = await suite.open('targets');
    await ready(page, 'targets');
    await page.keyboard.press('Tab');
    check(await page.evaluate(() => document.activeElement?.classList.contains('skip')), 'another element came first');
    await page.keyboard.press('Enter');
    await until('main has the focus', () => page.evaluate(() => document.activeElement?.id === 'main'));
  });

  suite.test('a search finds a metric and opens it', async () => {
    const page = await suite.open('');
    await ready(page, 'overview');
    await page.keyboard.press('/');
    await until('the search field has the focus', () => page.evaluate(() => document.activeElement?.getAttribute('type') === 'search'));
    await page.keyboard.type('scrape dur');
    await page.locator('[role="option"]', { hasText: 'scrape_duration_seconds' }).first().waitFor();
    await page.keyboard.press('Enter');
    await until('Explore shows it', () => params(page).get('expr')?.includes('scrape_duration_seconds'));
    await ready(page, 'explore');
  });

  suite.test('range and theme live in the URL, go along, survive a reload; Back works', async () => {
    const page = await suite.open('');
    await ready(page, 'overview');
    await page.locator('.segments.range button', { hasText: '6 h' }).click();
    check(params(page).get('range') === 'now-6h', page.url());
    await page.keyboard.press('?');
    await page.locator('dialog .segments button', { hasText: 'light' }).click();
    await page.keyboard.press('Escape');
    await until('light', () => page.evaluate(() => document.documentElement.dataset.theme === 'light'));
    await page.locator('.side a', { hasText: 'Explore' }).click();
    check(params(page).get('range') === 'now-6h' && params(page).get('theme') === 'light', page.url());
    await page.reload();
    await until('still light', () => page.evaluate(() => document.documentElement.dataset.theme === 'light'));
    check((await page.locator('.segments.range button[aria-pressed="true"]').textContent()) === '6 h', 'range lost');
    await page.goBack();
    await until('Back leads to Overview', () => new URL(page.url()).pathname === '/');
  });

  suite.test('Explore: expression, view, kind and picked line make a round trip through the URL', async () => {
    const page = await suite.open(PAGES.explore.path);
    await ready(page, 'explore');
    await page.locator('.segments button', { hasText: 'Stacked' }).click();
    await page.locator('.segments button', { hasText: /^Table$/ }).click();
    await page.locator('.series-name button').first().click();
    const before = page.url();
    const other = await suite.open(before.slice(suite.options.url.length));
    await ready(other, 'explore');
    check(other.url() === before, `${other.url()} is not ${before}`);
    check((await other.locator('.segments button[aria-pressed="true"]', { hasText: 'Stacked' }).count()) === 1, 'kind lost');
    check(!(await other.locator('[data-test="graph"]').count()), 'view lost');
    const pressed = (p) => p.locator('.series-name button').evaluateAll((l) => l.map((b) => b.getAttribute('aria-pressed')).join());
    check((await pressed(other)) === (await pressed(page)), 'picked line lost');
    check((await other.locator('.cm-content').textContent()).includes('sum by (job) (up)'), 'expression lost');
  });

  suite.test('Targets: filter and words live in the URL; j and k walk the rows', async () => {
    const page = await suite.open('targets');
    await ready(page, 'targets');
    await page.keyboard.press('j');
    check(await page.evaluate(() => document.activeElement?.classList.contains('row-link')), 'no row has the focus');
    await page.locator('input.filter').fill('nothing-is-called-this');
    await page.getByText('No target fits this filter.').waitFor();
    check(params(page).get('q') === 'nothing-is-called-this', page.url());
  });

  suite.test('a path that is no page is a 404', async () => {
    const page = await suite.open('');
    const status = await page.evaluate(() => fetch('no-such-page').then((r) => r.status));
    check(status === 404, `HTTP ${status}`);
  });
}
