// discover: the plan is shown, taken by keyboard, and undone; with a host that is written down here.
import { check, until } from './harness.mjs';
import { PAGES } from './pages.mjs';

const row = (id, title, state, evidence, watched, more = {}) => ({
  id, title, pack: null, state, evidence, watched, needs: null, collector: 'x', rules: [], entry: state === 'new' ? `- ${id}: {}` : null, series: null, ...more,
});
const FOUND = [
  row('host', 'This host', 'watched', 'studio, which earshot runs on', 'processor, memory, disks, network'),
  row('redis-6379', 'Redis 7.0.15', 'new', 'redis-server (pid 812, redis-server.service) listens on 127.0.0.1:6379 and answered PING', 'memory, clients, commands, keys', {
    entry: "redis: {url: 'redis://127.0.0.1:6379'}", rules: ['RedisDown', 'RedisMemoryHigh', 'RedisRejecting'],
  }),
  row('scrape-8000', 'vLLM', 'new', 'vllm (pid 2210) listens on 127.0.0.1:8000; /metrics has 212 series, vllm:... among them', 'metrics, GPU', { series: 212 }),
  row('celery-6379', 'Celery', 'new', '2 worker processes, the first celery (pid 900), connected to the Redis on 127.0.0.1:6379', 'queue length and age, tasks that workers hold'),
  row('http-8888', 'jupyter', 'needs', 'jupyter (pid 1200) listens on 127.0.0.1:8888 and wants a log-in for /metrics (HTTP 403)', 'not collected', {
    needs: 'a password or token: add, under collect.scrape, {job_name: jupyter, authorization: {credentials_file: A FILE WITH IT}}',
  }),
];
const PLAN = {
  host: 'studio', file: '/var/lib/earshot/earshot.yml', found: FOUND, text: 'packs:\n- redis\n',
  looked_at: { ports: 61, processes: 312, units: 88, unknown_ports: 52, seconds: 0.41, not: ['3 sockets, past 20,000'] },
};
const HERE = /\/api\/earshot\/v1\/discover/;

/** What the page says, with plain blanks. */
const words = async (page) => (await page.locator('main').innerText()).replace(/\u00a0/g, ' ');
const says = (page, text) => until(text, async () => (await words(page)).includes(text));

/** Answers as the server would; `asked` is what was posted. */
async function host(page, asked) {
  let plan = PLAN;
  await page.route(HERE, (route) => {
    const request = route.request();
    const undo = request.url().endsWith('/undo');
    const entries = plan === PLAN ? [] : ['redis-server (pid 812) listens on 127.0.0.1:6379', '2 worker processes'];
    if (request.method() !== 'POST' && undo) return route.fulfill({ json: { file: PLAN.file, taken: entries.length, changed: 0, removed: false, entries, loaded: false } });
    if (request.method() !== 'POST') return route.fulfill({ json: plan });
    asked.push([new URL(request.url()).pathname, new URLSearchParams(request.postData() ?? '').getAll('take')]);
    plan = undo ? PLAN : { ...PLAN, found: FOUND.map((f) => (f.state === 'new' ? { ...f, state: 'watched', entry: null } : f)) };
    return route.fulfill({ json: undo ? { file: PLAN.file, taken: 2, changed: 0, removed: true, loaded: true } : { file: PLAN.file, added: 2, loaded: true } });
  });
}

export function discover(suite) {
  const open = async (options = {}) => {
    const asked = [];
    const page = await suite.open(PAGES.discover.path, { ...options, before: (p) => host(p, asked) });
    await page.locator(PAGES.discover.ready).waitFor();
    return { page, asked };
  };

  suite.test('discovery: the plan says what was found, how, and what is left alone', async () => {
    const { page } = await open({ width: 1440, height: 764 });
    await page.getByRole('heading', { name: 'Five things run on studio.' }).waitFor();
    const text = await words(page);
    for (const part of ['One is watched already, three more can be watched now.', 'answered PING', 'is watched already', 'needs you', 'Not looked at: 3 sockets, past 20,000.', '52 ports belong to nobody we know.', 'looked at 61 ports, 312 processes, 88 units'])
      check(text.includes(part), `not there: ${part}`);
    check((await page.locator('.found-table input:checked').count()) === 4, 'what is new or watched is ticked');
    check(await page.getByLabel('Watch jupyter').isDisabled(), 'what needs a person cannot be ticked');
    await suite.picture(page, 'discover-plan');
    check(!page.faults.length, page.faults.join('; '));
  });

  suite.test('discovery: arrows choose, Space leaves out, d shows the file, Enter accepts, and Undo takes it back', async () => {
    const { page, asked } = await open();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await until('vLLM is picked', async () => (await page.locator('tr.picked').innerText()).includes('vLLM'));
    await page.keyboard.press('Space');
    await until('it is not ticked', async () => !(await page.getByLabel('Watch vLLM').isChecked()));
    await page.keyboard.press('d');
    await page.locator('dialog[open] .code').waitFor();
    await page.keyboard.press('Escape');
    await until('Esc closes', async () => !(await page.locator('dialog').count())); // and the page knows
    await page.keyboard.press('Enter');
    await says(page, 'Wrote 2 entries to /var/lib/earshot/earshot.yml. It is in use.');
    check(JSON.stringify(asked) === '[["/api/earshot/v1/discover",["redis-6379","celery-6379"]]]', JSON.stringify(asked));
    await says(page, 'All that can be watched now is watched.');
    check(await page.getByRole('button', { name: 'Accept the plan' }).isDisabled(), 'there is nothing left to accept');
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.locator('dialog[open] li', { hasText: '2 worker processes' }).waitFor(); // first what it would take out
    check(asked.length === 1, 'something was undone before it was asked');
    await suite.picture(page, 'discover-undo');
    await page.getByRole('button', { name: 'Take them out' }).click();
    await says(page, 'Removed /var/lib/earshot/earshot.yml');
    check(asked[1][0].endsWith('/undo'), asked[1][0]);
  });

  suite.test('discovery: a refusal is said in words, and the plan stays', async () => {
    const { page } = await open();
    await page.unroute(HERE);
    await page.route(HERE, (route) => route.fulfill({ status: 422, json: { status: 'error', errorType: 'execution', error: 'earshot.yml:2:1: "collect" is written on one line' } }));
    await page.getByRole('button', { name: 'Accept the plan' }).click();
    await page.getByRole('alert').getByText('is written on one line').waitFor();
    check((await page.locator('.found-table tbody tr').count()) >= 5, 'the plan is gone');
  });
}
