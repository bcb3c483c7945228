// pages: the addresses, and how one knows that a page has its data.
export const QUESTION = 'sum by (job) (up)';

export const PAGES = {
  overview: { path: '', ready: '[data-test="strip"] .strip-name >> nth=0' },
  explore: { path: `explore?expr=${encodeURIComponent(QUESTION)}&range=now-15m`, ready: '[data-test="table"] tbody tr >> nth=0' },
  targets: { path: 'targets', ready: '.targets-table tbody tr >> nth=0' },
  discover: { path: 'discover', ready: '.found-table tbody tr >> nth=0' },
  status: { path: 'status', ready: '.facts-list dd >> nth=0' },
};

export async function ready(page, name) {
  await page.locator(PAGES[name].ready).waitFor({ timeout: 20_000 });
  if (name === 'explore') await page.locator('[data-test="editor"] .cm-content').waitFor({ timeout: 20_000 });
}
