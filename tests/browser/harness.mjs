// harness: a list of named tests, run one after the other; the last line says how many held.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const TEST_MS = 45_000;

export class Skip extends Error {}

export function check(truth, words) {
  if (!truth) throw new Error(words);
}

/** Waits until `probe` gives something true; its last value otherwise goes into the message. */
export async function until(words, probe, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${ms / 1000} s: ${words}`);
    await new Promise((r) => setTimeout(r, 100));
  }
}

export class Suite {
  constructor(options) {
    this.options = options;
    this.tests = [];
    mkdirSync(options.out, { recursive: true });
  }

  test(name, f) {
    this.tests.push({ name, f });
  }

  async start() {
    this.browser = await chromium.launch({ executablePath: this.options.chromium, args: FLAGS });
  }

  /** A page of its own, after `before(page)`; console errors and requests to strangers are kept in `page.faults`. */
  async open(path, { width = 1280, height = 900, theme = 'dark', touch = false, workers = 'block', before, ...rest } = {}) {
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      hasTouch: touch,
      serviceWorkers: workers,
      ...rest,
    });
    const page = await context.newPage();
    page.faults = [];
    page.on('console', (m) => m.type() === 'error' && page.faults.push(`console: ${m.text()} ${m.location().url}`));
    page.on('pageerror', (e) => page.faults.push(`exception: ${e.message}`));
    page.on('request', (r) => {
      const { origin, protocol } = new URL(r.url());
      if (protocol.startsWith('http') && origin !== new URL(this.options.url).origin) page.faults.push(`stranger: ${r.url()}`);
    });
    await before?.(page); // routes
    await page.goto(new URL(path, this.options.url).href, { waitUntil: 'load' });
    this.pages.push(context);
    return page;
  }

  picture(page, name, full = false) {
    return page.screenshot({ path: join(this.options.out, `${name}.png`), fullPage: full });
  }

  async run(only) {
    let passed = 0;
    let failed = 0;
    let skipped = 0;
    await this.start();
    for (const { name, f } of this.tests) {
      if (only && !name.includes(only)) continue;
      this.pages = [];
      let timer;
      try {
        const late = new Promise((_, no) => (timer = setTimeout(() => no(new Error(`took over ${TEST_MS / 1000} s`)), TEST_MS)));
        await Promise.race([f(), late]);
        passed++;
        console.log(`ok    ${name}`);
      } catch (e) {
        if (e instanceof Skip) skipped++;
        else failed++;
        console.log(`${e instanceof Skip ? 'skip ' : 'FAIL '} ${name}: ${e.message}`);
      } finally {
        clearTimeout(timer);
        for (const context of this.pages) await context.close().catch(() => undefined);
      }
    }
    await this.browser.close();
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed || !passed ? 1 : 0;
  }
}
