// looks: every page, narrow and wide, dark and light: no violation of axe's rules, no console error,
// no stranger asked, nothing wider than the screen.
import { clean } from './axe.mjs';
import { check, until } from './harness.mjs';
import { PAGES, ready } from './pages.mjs';

export function looks(suite) {
  for (const name of Object.keys(PAGES))
    for (const [width, height] of [[1280, 900], [390, 844]])
      for (const theme of ['dark', 'light'])
        suite.test(`${name} at ${width} px, ${theme}: accessible, quiet, alone`, async () => {
          const page = await suite.open(PAGES[name].path, { width, height, theme, touch: width < 768 });
          await ready(page, name);
          await page.waitForTimeout(1500); // tiles and sparklines
          await suite.picture(page, `${name}-${width}-${theme}`);
          await clean(page);
          check(!page.faults.length, page.faults.join(' | '));
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          check(wide <= 0, `the page is ${wide} px wider than the screen`);
        });

  for (const [key, what] of [['/', 'search'], ['?', 'help'], ['t', 'range']])
    suite.test(`the dialog of ${what} is accessible`, async () => {
      const page = await suite.open('', { theme: key === '?' ? 'light' : 'dark' });
      await ready(page, 'overview');
      await page.keyboard.press(key);
      await page.locator('dialog[open]').waitFor();
      await page.waitForTimeout(400);
      await suite.picture(page, `dialog-${what}`);
      await clean(page);
    });

  for (const name of Object.keys(PAGES))
    suite.test(`${name} reflows at 320 px`, async () => {
      const page = await suite.open(PAGES[name].path, { width: 320, height: 700 });
      await ready(page, name);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `the page is ${wide} px wider than the screen`);
    });

  suite.test('with forced colours and without motion states keep their shapes', async () => {
    const page = await suite.open('targets', { forcedColors: 'active', reducedMotion: 'reduce' });
    await ready(page, 'targets');
    check((await page.locator('.targets-table .state svg').count()) > 0, 'no shape beside a state');
    await suite.picture(page, 'targets-forced-colors');
  });

  suite.test('the picture for the README', async () => {
    const page = await suite.open('', { width: 1440, height: 940 });
    await ready(page, 'overview');
    await until('the CPU has a figure', async () => /\d/.test(await page.locator('[data-test="tile-cpu"] .figure').textContent()), 20_000);
    await page.waitForTimeout(3000);
    if (suite.options.screenshot) await page.screenshot({ path: suite.options.screenshot });
    await suite.picture(page, 'readme');
  });
}
