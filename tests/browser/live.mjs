// live: figures move by themselves; when the server is gone the page says so, keeps what it had, and
// comes back by itself.
import { check, until } from './harness.mjs';
import { ready } from './pages.mjs';

const figures = (page) => page.locator('.tile .figure, .tile dd').allTextContents();

export function live(suite) {
  suite.test('the tiles change while one looks', async () => {
    const page = await suite.open('');
    await ready(page, 'overview');
    await until('figures are there', async () => (await figures(page)).join('').match(/\d/), 20_000);
    const before = (await figures(page)).join('|');
    await until('a figure changed', async () => (await figures(page)).join('|') !== before, 15_000);
  });

  suite.test('Live can be stopped and started', async () => {
    const page = await suite.open('');
    await ready(page, 'overview');
    await page.keyboard.press('l');
    await until('stopped', async () => (await page.locator('[data-test="live"]').getAttribute('aria-pressed')) === 'false');
    check(new URL(page.url()).searchParams.get('live') === 'off', page.url());
    await page.keyboard.press('l');
    await until('started', async () => (await page.locator('[data-test="live"]').getAttribute('aria-pressed')) === 'true');
  });

  suite.test('gone: said in words, old figures stay, tried again, and back', async () => {
    const page = await suite.open('');
    await ready(page, 'overview');
    await until('figures are there', async () => (await figures(page)).join('').match(/\d/), 20_000);
    await page.context().setOffline(true);
    await page.locator('[data-test="lost"]').waitFor({ timeout: 20_000 });
    const words = await page.locator('[data-test="lost"]').textContent();
    check(/earshot does not answer\. Last answer .*[Tt]ried \d+/.test(words.replaceAll('\u00a0', ' ')), words);
    await page.waitForTimeout(2500);
    check((await page.locator('[data-test="tile-cpu"] .figure').textContent()).match(/\d/), 'the old figures went away');
    await suite.picture(page, 'gone');
    await page.context().setOffline(false);
    await page.locator('[data-test="lost"] button').click().catch(() => undefined);
    await until('the message goes away', async () => !(await page.locator('[data-test="lost"]').count()), 20_000);
    const before = (await figures(page)).join('|');
    await until('figures move again', async () => (await figures(page)).join('|') !== before, 20_000);
  });

  suite.test('a reload while earshot is gone still shows the page (service worker)', async () => {
    const page = await suite.open('', { workers: 'allow' });
    await ready(page, 'overview');
    await page.evaluate(() => navigator.serviceWorker.ready.then((r) => !!r.active));
    await page.reload(); // now the worker serves it
    await ready(page, 'overview');
    await page.context().setOffline(true);
    await page.reload();
    await page.locator('[data-test="lost"]').waitFor({ timeout: 20_000 });
  });
}
