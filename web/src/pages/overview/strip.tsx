/* The day as one line a target: thin = healthy, block = down, dashed box = no data. */
import { useState } from 'preact/hooks';
import { range as askRange } from '../../lib/api';
import { now } from '../../lib/clocks';
import { useData } from '../../lib/data';
import { changesIn, clipsOf, clusters, isAbout, type Clip, type Happened, type Happening } from '../../lib/events';
import { href } from '../../lib/place';
import { num, quoted, type Labels } from '../../lib/prom';
import { aligned, fixed, rangeParams, type Span } from '../../lib/range';
import { canonical, COLOURS, hash, onGrid, type Value } from '../../lib/series';
import { overview } from '../../lib/shared';
import { healthy, runs, type Run } from '../../lib/strip';
import { clock, duration, percent, plural, when } from '../../lib/words';
import { clipWords, Clips } from '../../parts/clips';
import { Note } from '../../parts/note';
import { Shape, STATE_ORDER, STATE_WORDS } from '../../parts/state';
import { useWidth } from '../../parts/width';

const DAY = 86_400;
const STEP = 300;
const REFRESH_MS = 60_000;
const MOST = 10;
const YOUNG = 120; // s: the present step may be too young for a sample; it takes the state before

const BLOCK_MIN = 5; // px
const NOW_ROOM = 60; // px: half of "Sun 00:00" and all of "now"
const HALF = 12; // px: half of a row's height
const JOBS = 5; // px: their height, below the line
const JOBS_TOP = 2 * HALF - JOBS - 1;
const NEAR = 14; // px: changes that are nearer share a diamond
const TOLD = 6; // of these in its words

interface Row {
  readonly labels: Labels;
  readonly name: string;
  readonly runs: readonly Run[];
  readonly changes: readonly Happening[];
  readonly clips: readonly Clip[];
}

function nameOf(labels: Labels): string {
  const { __name__: _, job = '', instance = '', ...rest } = labels;
  const host = instance === overview.value?.host?.name && job === 'node';
  const name = host || instance.includes(job) ? instance : `${job} ${instance}`;
  return [name, ...Object.values(rest)].join(' ');
}

const stateNow = (row: Row): Run['state'] => row.runs[row.runs.length - 1]?.state ?? 'nodata';

export function Strip({ happened }: { happened: Happened | undefined }) {
  const [all, setAll] = useState(false);
  const [table, setTable] = useState(false);
  const data = useData(
    'up',
    async (signal) => {
      const span = aligned({ from: now.peek() - DAY, to: now.peek() }, STEP);
      // The grid's ends, and the present moment as the last step.
      const answer = await askRange(`min_over_time(up[${STEP}s])`, { from: span.from + STEP, to: span.to + STEP }, STEP, signal);
      const young = now.peek() - span.to < YOUNG;
      return { young, span: { from: span.from, to: span.to + STEP }, series: answer.result };
    },
    REFRESH_MS,
  );
  if (!data.value)
    return (
      <section class="card">
        <div class="card-head">
          <h2>Last 24 hours</h2>
        </div>
        <Note data={data} what="The last day" height={120} />
      </section>
    );
  const { span, series, young } = data.value;
  const n = Math.round((span.to - span.from) / STEP);
  const changes = changesIn(happened?.changes ?? [], span);
  const rows: Row[] = series
    .map((s) => ({
      labels: s.metric,
      name: nameOf(s.metric),
      changes: changes.filter((e) => isAbout(e, s.metric)),
      clips: clipsOf(happened?.jobs ?? [], span, s.metric),
      runs: runs(present(onGrid(s.values ?? [], span.from + STEP, STEP, n, num), young)),
    }))
    .sort((a, b) => rank(a) - rank(b) || (canonical(a.labels) < canonical(b.labels) ? -1 : 1));
  const bad = rows.flatMap((r) => r.runs.filter((x) => x.state !== 'ok'));
  const shown = all ? rows : rows.slice(0, MOST);
  return (
    <section class="card" data-test="strip">
      <figure aria-labelledby="strip-caption">
        <div class="card-head">
          <h2 id="strip-caption">Last 24 hours</h2>
          <span class="note">
            {bad.length ? `${plural(bad.length, 'incident')}, ${duration(bad.reduce((t, r) => t + (r.to - r.from) * STEP, 0))} in all` : 'no incident'}
          </span>
          <span class="end note strip-legend">
            <button type="button" class="link" aria-pressed={table} onClick={() => setTable(!table)}>
              show as {table ? 'lines' : 'table'}
            </button>
            <span class="desk-only" aria-hidden="true">
              <svg width="9" height="9" viewBox="0 0 10 10">
                <path d="M5 0 10 5 5 10 0 5z" fill="var(--text2)" />
              </svg>{' '}
              change
            </span>
            <span class="desk-only" aria-hidden="true">
              <i class="swatch critical" /> down
            </span>
            <span class="desk-only" aria-hidden="true">
              <i class="swatch nodata" /> no data
            </span>
            <span class="strip-share desk-only" aria-hidden="true">
              healthy
            </span>
          </span>
        </div>
        {table ? <StripTable rows={shown} from={span.from} /> : <StripRows rows={shown} from={span.from} n={n} />}
      </figure>
      {happened && happened.jobsFrom !== null && <p class="small quiet">Jobs before {when(happened.jobsFrom, now.value)} are too many to be drawn.</p>}
      {rows.length > MOST && (
        <button type="button" class="link small strip-more" onClick={() => setAll(!all)}>
          {all ? 'show fewer' : `and ${rows.length - MOST} more`}
        </button>
      )}
    </section>
  );
}

function present(values: Value[], young: boolean): Value[] {
  if (young && values[values.length - 1] === null) values[values.length - 1] = values[values.length - 2] ?? null;
  return values;
}

function rank(row: Row): number {
  return STATE_ORDER.indexOf(stateNow(row)) * 2 + (row.labels['instance'] === overview.value?.host?.name ? 0 : 1);
}

function StripRows({ rows, from, n }: { rows: readonly Row[]; from: number; n: number }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const every = width < 420 ? 6 * 3600 : 3 * 3600;
  const to = from + n * STEP;
  const x = (ts: number): number => Math.round(((ts - from) / (n * STEP)) * width);
  const marks: number[] = [];
  const zone = new Date(from * 1000).getTimezoneOffset() * 60; // marks fall on local hours
  // The last one leaves room for the word "now" beside its own.
  for (let t = Math.ceil((from - zone) / every) * every + zone; width - x(t) > NOW_ROOM && t < to; t += every) marks.push(t);
  return (
    <div class="strip">
      {rows.map((row) => {
        const share = healthy(row.runs);
        const state = stateNow(row);
        return (
          <div class="strip-row" key={canonical(row.labels)}>
            <span class="strip-name">
              <span class={`state ${state}`} title={STATE_WORDS[state]}>
                <Shape state={state} />
                <span class="vh">{STATE_WORDS[state]}</span>
              </span>
              <span class="cut">{row.name}</span>
            </span>
            <StripLine row={row} width={width} x={(i) => x(from + i * STEP)} span={{ from, to }} marks={marks.map(x)} />
            <span class="strip-share">{share === undefined ? 'no data' : percent(share)}</span>
          </div>
        );
      })}
      <div class="strip-row strip-axis" aria-hidden="true">
        <span class="strip-name" />
        <div class="strip-plot" ref={ref}>
          {marks.map((t) => (
            <span key={t} style={{ left: `${x(t)}px` }}>
              {clock(t) === '00:00' ? `${new Date(t * 1000).toLocaleDateString('en-GB', { weekday: 'short' })} 00:00` : clock(t)}
            </span>
          ))}
          <span class="strip-now">now</span>
        </div>
        <span class="strip-share" />
      </div>
    </div>
  );
}

function StripLine(props: { row: Row; width: number; x: (step: number) => number; span: Span; marks: readonly number[] }) {
  const { row, width, x, span, marks } = props;
  const at = (t: number): number => Math.round(((t - span.from) / (span.to - span.from)) * width);
  return (
    <svg class="strip-plot chart" width={width} height={2 * HALF} role="group" aria-label={row.name}>
      {marks.map((m) => (
        <path key={m} d={`M${m + 0.5} 0V${2 * HALF}`} stroke="var(--grid)" />
      ))}
      {row.runs
        .filter((r) => r.state === 'ok')
        .map((r) => (
          <rect key={r.from} x={x(r.from)} width={Math.max(1, x(r.to) - x(r.from))} y={HALF - 1.5} height="3" rx="1.5" fill="var(--ok-line)" />
        ))}
      {row.runs
        .filter((r) => r.state !== 'ok')
        .map((r) => (
          <Block key={r.from} run={r} left={x(r.from)} right={x(r.to)} row={row} from={span.from} width={width} />
        ))}
      {row.clips.length > 0 && width > 0 && (
        <g role="img" aria-label={clipWords(row.clips)}>
          <title>{clipWords(row.clips)}</title>
          <rect width={width} y={JOBS_TOP} height={JOBS} fill="transparent" />
          <Clips clips={row.clips} span={span} width={width} top={JOBS_TOP} height={JOBS} colour={`var(--s${hash(row.labels['job'] ?? '') % COLOURS})`} />
        </g>
      )}
      {clusters(row.changes, at, NEAR).map((list) => (
        <Change key={list[0]?.id} list={list} x={at(list[0]?.start ?? 0)} row={row} />
      ))}
    </svg>
  );
}

const around = (labels: Labels, from: number, to: number): string => {
  const { job = '', instance = '' } = labels;
  const span = rangeParams(fixed(from, to));
  return href('explore', { expr: `up{job=${quoted(job)},instance=${quoted(instance)}}`, from: span.from ?? '', to: span.to ?? '' });
};

/** One change, or some that stand at one place. */
function Change({ list, x, row }: { list: readonly Happening[]; x: number; row: Row }) {
  const first = list[0]?.start ?? 0;
  const told = list.slice(0, TOLD).map((e) => `${when(e.start, now.peek())} ${e.text}`);
  const words = [...told, ...(list.length > TOLD ? [`and ${list.length - TOLD} more`] : [])].join('; ');
  return (
    <a class="change" href={around(row.labels, first - 1800, first + 1800)} aria-label={`${row.name}: ${words}`}>
      <title>{words}</title>
      <rect x={x - NEAR / 2} width={NEAR} y="0" height={2 * HALF} fill="transparent" />
      <path d={`M${x} ${HALF - 4.5}l4.5 4.5-4.5 4.5-4.5-4.5z`} fill="var(--text2)" stroke="var(--panel)" />
    </a>
  );
}

function Block(props: { run: Run; left: number; right: number; row: Row; from: number; width: number }) {
  const { run, row, from } = props;
  const w = Math.max(BLOCK_MIN, props.right - props.left);
  const left = Math.min(props.left, props.width - w);
  const start = from + run.from * STEP;
  const length = (run.to - run.from) * STEP;
  const words = `${run.state === 'nodata' ? 'no data' : 'down'} at ${when(start, now.peek())} for ${duration(length)}`;
  return (
    <a href={around(row.labels, start - 1800, start + Math.max(length, 1800))} aria-label={`${row.name}: ${words}`}>
      <title>{words}</title>
      <rect x={left - 8} width={w + 16} y="0" height={2 * HALF} fill="transparent" />
      {run.state === 'nodata' ? (
        <rect x={left + 0.5} y={HALF - 5.5} width={w - 1} height="11" rx="2" fill="none" stroke="var(--unk)" stroke-dasharray="2.5 2" />
      ) : (
        <rect x={left} y={HALF - 6} width={w} height="12" rx="2" fill="var(--crit-f)" />
      )}
    </a>
  );
}

function StripTable({ rows, from }: { rows: readonly Row[]; from: number }) {
  return (
    <table class="plain-table">
      <thead>
        <tr>
          <th>Target</th>
          <th>Now</th>
          <th>Healthy</th>
          <th>Incidents</th>
          <th>Changes</th>
          <th>Jobs</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={canonical(row.labels)}>
            <td>{row.name}</td>
            <td>{STATE_WORDS[stateNow(row)]}</td>
            <td>{percent(healthy(row.runs) ?? Number.NaN)}</td>
            <td>
              {row.runs
                .filter((r) => r.state !== 'ok')
                .map((r) => `${when(from + r.from * STEP, now.peek())} for ${duration((r.to - r.from) * STEP)}`)
                .join('; ') || 'none'}
            </td>
            <td class="break">{row.changes.slice(-TOLD).map((e) => `${when(e.start, now.peek())} ${e.text}`).join('; ') || 'none'}</td>
            <td>{row.clips.length ? clipWords(row.clips) : 'none'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
