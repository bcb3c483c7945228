import { now } from '../../lib/clocks';
import { href } from '../../lib/place';
import { quoted } from '../../lib/prom';
import { parseDuration } from '../../lib/range';
import { canonical, type Value } from '../../lib/series';
import { count, duration, when } from '../../lib/words';
import { StateMark } from '../../parts/state';
import { Bars } from './bars';
import type { TargetRow } from './rows';

export interface History {
  readonly took: ReadonlyMap<string, readonly Value[]>;
  readonly up: ReadonlyMap<string, readonly Value[]>;
  readonly samples: ReadonlyMap<string, number>;
}
export const historyKey = (labels: Readonly<Record<string, string>>): string => {
  const { __name__: _, ...rest } = labels;
  return canonical(rest);
};

/** Where it is asked; the usual scheme and path are left out. */
function where(url: string): string {
  return url.replace(/^http:\/\//, '').replace(/\/metrics$/, '');
}

export function TargetTable({ rows, history, picked }: { rows: readonly TargetRow[]; history: History | undefined; picked: number }) {
  return (
    <div class="rows" tabIndex={0} role="region" aria-label="Targets">
      <table class="targets-table">
        <thead>
          <tr>
            <th>State</th>
            <th>Name</th>
            <th>Where</th>
            <th>In plain words</th>
            <th>Last 6 min</th>
            <th class="num">Took</th>
            <th class="num">Samples</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((r, i) => (
            <Row key={historyKey(r.target.labels) + r.target.scrapeUrl} row={r} history={history} picked={i === picked} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What tells it from others of its job: the instance, unless the address says it, and other labels. */
function extra({ target, instance }: TargetRow): string {
  const { job: _, instance: __, ...rest } = target.labels;
  return [target.scrapeUrl.includes(instance) ? '' : instance, ...Object.values(rest)].filter(Boolean).join(' ');
}

function every(interval: string | undefined): string {
  const s = parseDuration(interval ?? '');
  return s ? `tries again each ${duration(s)}` : 'tries again';
}

function Row({ row, history, picked }: { row: TargetRow; history: History | undefined; picked: boolean }) {
  const { target } = row;
  const key = historyKey(target.labels);
  const samples = target.lastSamples ?? history?.samples.get(key);
  const asked = Date.parse(target.lastScrape) / 1000;
  const expr = `{job=${quoted(row.job)},instance=${quoted(row.instance)}}`;
  return (
    <tr class={picked ? 'picked' : ''} data-row>
      <td>
        <StateMark state={row.state} word={row.word} />
      </td>
      <td class="target-name">
        <a href={href('explore', { expr: `up${expr}` })} class="row-link">
          {row.job}
        </a>{' '}
        <span class="quiet small">{extra(row)}</span>
      </td>
      <td class="mono break quiet-url">{where(target.scrapeUrl) || 'this host'}</td>
      <td class={row.state === 'ok' ? 'quiet' : ''}>
        {row.plain} {row.state !== 'ok' && asked > 0 && <span class="quiet">Asked {when(asked, now.value, true)}, {every(target.scrapeInterval)}.</span>}{' '}
        {row.detail && (
          <details>
            <summary class="link small">details</summary>
            <p class="mono break">{row.detail}</p>
          </details>
        )}
      </td>
      <td>
        {history && (
          <Bars
            took={history.took.get(key) ?? []}
            up={history.up.get(key) ?? []}
            timeout={parseDuration(target.scrapeTimeout ?? '') ?? 10}
            label={`${row.job}: time taken by the last scrapes`}
          />
        )}
      </td>
      <td class="num">{row.state === 'critical' || !target.lastScrapeDuration ? <span class="quiet">none</span> : duration(target.lastScrapeDuration)}</td>
      <td class="num">{samples ? count(samples) : <span class="quiet">none</span>}</td>
    </tr>
  );
}
