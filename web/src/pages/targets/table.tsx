import { now } from '../../lib/clocks';
import { href } from '../../lib/place';
import { quoted, type Tunnel } from '../../lib/prom';
import { parseDuration } from '../../lib/range';
import { canonical, type Value } from '../../lib/series';
import { bytes, count, digits, duration, percent, when } from '../../lib/words';
import { StateMark } from '../../parts/state';
import { Bars } from './bars';
import { bytesRead, extra, tunnelWords, type Group, type TargetRow } from './rows';

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

interface Shown {
  readonly history: History | undefined;
  readonly picked: TargetRow | undefined;
}

export function TargetTable({ groups, history, picked }: Shown & { groups: readonly Group[] }) {
  return (
    <div class="rows" tabIndex={0} role="region" aria-label="Targets">
      <table class="targets-table">
        <thead>
          <tr>
            <th>State</th>
            <th>Name</th>
            <th>By</th>
            <th>Where</th>
            <th>In plain words</th>
            <th>Last 6 min</th>
            <th class="num">Took</th>
            <th class="num">CPU</th>
            <th class="num">Read</th>
            <th class="num">Samples</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((g) => [
            g.tunnel && <TunnelRow key={`tunnel ${g.tunnel.host}`} tunnel={g.tunnel} rows={g.rows} />,
            ...g.rows.map((r) => (
              <Row key={historyKey(r.target.labels) + r.target.scrapeUrl} row={r} history={history} picked={r === picked} below={!!g.tunnel} />
            )),
          ])}
        </tbody>
      </table>
    </div>
  );
}

const sum = (rows: readonly TargetRow[], of: (r: TargetRow) => number | undefined): number => rows.reduce((n, r) => n + (of(r) ?? 0), 0);
/** Of a core; what one target takes is often less than a tenth of a percent. */
const share = (ratio: number): string => (ratio > 0 && ratio < 0.001 ? `${digits(Math.max(ratio * 100, 0.001))}\u00a0%` : percent(ratio));
const none = <span class="quiet">none</span>;

/** What a tunnel carries is the sum of its targets. */
function TunnelRow({ tunnel, rows }: { tunnel: Tunnel; rows: readonly TargetRow[] }) {
  const samples = sum(rows, (r) => r.target.lastSamples);
  const read = sum(rows, bytesRead);
  return (
    <tr class="tunnel-row">
      <td>
        <StateMark state={tunnel.up ? 'ok' : 'critical'} word={tunnel.up ? 'Up' : 'Down'} />
      </td>
      <th scope="row" class="target-name">
        {tunnel.host}
      </th>
      <td class="quiet">SSH</td>
      <td class="mono break quiet-url">{tunnel.address}</td>
      <td class="words">{tunnelWords({ tunnel, rows }, now.value)}</td>
      <td />
      <td />
      <td class="num" data-head="CPU">{share(sum(rows, (r) => r.target.cost?.cpuRatio))}</td>
      <td class="num" data-head="Read">{read ? bytes(read) : none}</td>
      <td class="num" data-head="Samples">{samples ? count(samples) : none}</td>
    </tr>
  );
}

function every(interval: string | undefined): string {
  const s = parseDuration(interval ?? '');
  return s ? `tries again each ${duration(s)}` : 'tries again';
}

function Row({ row, history, picked, below }: { row: TargetRow; history: History | undefined; picked: boolean; below: boolean }) {
  const { target } = row;
  const key = historyKey(target.labels);
  const samples = target.lastSamples ?? history?.samples.get(key);
  const read = bytesRead(row);
  const asked = Date.parse(target.lastScrape) / 1000;
  const expr = `{job=${quoted(row.job)},instance=${quoted(row.instance)}}`;
  return (
    <tr class={`${picked ? 'picked' : ''} ${below ? 'below' : ''}`} data-row>
      <td>
        <StateMark state={row.state} word={row.word} />
      </td>
      <td class="target-name">
        <a href={href('explore', { expr: `up${expr}` })} class="row-link">
          {row.job}
        </a>{' '}
        <span class="quiet small">{extra(row)}</span>
      </td>
      <td class="quiet">{target.collector ?? 'scrape'}</td>
      <td class="mono break quiet-url">
        {below && '\u2192\u00a0'}
        {where(target.scrapeUrl) || (below ? 'there' : 'this host')}
      </td>
      <td class={`words ${row.state === 'ok' ? 'quiet' : ''}`}>
        {row.plain} {row.state !== 'ok' && asked > 0 && <span class="quiet">Asked {when(asked, now.value, true)}, {every(target.scrapeInterval)}.</span>}{' '}
        {row.detail && (
          <details>
            <summary class="link small">details</summary>
            <p class="mono break">{row.detail}</p>
          </details>
        )}
      </td>
      <td class="bars-cell">
        {history && (
          <Bars
            took={history.took.get(key) ?? []}
            up={history.up.get(key) ?? []}
            timeout={parseDuration(target.scrapeTimeout ?? '') ?? 10}
            label={`${row.job}: time taken by the last scrapes`}
          />
        )}
      </td>
      <td class="num" data-head="Took">{row.state === 'critical' || !target.lastScrapeDuration ? none : duration(target.lastScrapeDuration)}</td>
      <td class="num" data-head="CPU">{target.cost?.cycles ? share(target.cost.cpuRatio) : none}</td>
      <td class="num" data-head="Read">{read ? bytes(read) : none}</td>
      <td class="num" data-head="Samples">{samples ? count(samples) : none}</td>
    </tr>
  );
}
