import { useState } from 'preact/hooks';
import { clock, plural } from '../../lib/words';
import { fullName, stats, type Stats } from '../../lib/series';
import { write, type Unit } from '../../lib/units';
import { Spark } from '../../parts/spark';
import type { Named, Result } from './question';
import { isShown, pickOnly, toggle } from './state';

type Column = 'name' | 'at' | keyof Stats;
const COLUMNS: readonly (keyof Stats)[] = ['last', 'min', 'mean', 'max'];
const FIRST = 100; // rows drawn before "show all"

export interface TableProps {
  readonly result: Result;
  readonly unit: Unit;
  readonly at: number | null; // index of the crosshair or playhead
  readonly drawn: ReadonlyMap<string, number>; // colour of those that have a line of their own
  readonly onLift: (key: string | null) => void;
}

interface Row {
  readonly line: Named;
  readonly stats: Stats | undefined;
  readonly at: number | null;
}

export function SeriesTable({ result, unit, at, drawn, onLift }: TableProps) {
  const [by, setBy] = useState<{ column: Column; down: boolean }>({ column: 'max', down: true });
  const [all, setAll] = useState(false);
  const rows: Row[] = result.lines.map((line) => ({ line, stats: stats(line.values), at: at === null ? null : (line.values[at] ?? null) }));
  rows.sort((a, b) => compare(a, b, by.column) * (by.down ? -1 : 1) || (a.line.key < b.line.key ? -1 : 1));
  const time = at === null ? undefined : result.times[at];
  const shown = all ? rows : rows.slice(0, FIRST);
  const head = (column: Column, label: string): preact.JSX.Element => (
    <th class={column === 'name' ? '' : 'num'} aria-sort={by.column === column ? (by.down ? 'descending' : 'ascending') : 'none'}>
      <button type="button" onClick={() => setBy({ column, down: by.column === column ? !by.down : column !== 'name' })}>
        {label}
        {by.column === column ? (by.down ? ' \u2193' : ' \u2191') : ''}
      </button>
    </th>
  );
  return (
    <div class="rows" tabIndex={0} role="region" aria-label="Series" data-test="table">
      <table class="series-table">
        <thead>
          <tr>
            <th class="swatch-cell">
              <span class="vh">Colour</span>
            </th>
            {head('name', 'Series')}
            {time !== undefined && head('at', `at ${clock(time, true)}`)}
            {COLUMNS.map((c) => head(c, c))}
            <th>over the range</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <SeriesRow key={row.line.key} row={row} unit={unit} withAt={time !== undefined} colour={drawn.get(row.line.key)} onLift={onLift} />
          ))}
        </tbody>
      </table>
      {rows.length > shown.length && (
        <button type="button" class="link table-more" onClick={() => setAll(true)}>
          show all {plural(rows.length, 'series', 'series')}
        </button>
      )}
    </div>
  );
}

function compare(a: Row, b: Row, column: Column): number {
  if (column === 'name') return a.line.name < b.line.name ? -1 : a.line.name > b.line.name ? 1 : 0;
  const value = (r: Row): number => (column === 'at' ? r.at : r.stats?.[column]) ?? Number.NEGATIVE_INFINITY;
  return value(a) - value(b) || 0;
}

function SeriesRow(props: { row: Row; unit: Unit; withAt: boolean; colour: number | undefined; onLift: (key: string | null) => void }) {
  const { row, unit, onLift } = props;
  const { line, stats: s } = row;
  const shown = isShown(line.key);
  const colour = props.colour === undefined ? 'var(--unk)' : `var(--s${props.colour})`;
  const cell = (n: number | undefined | null): string => (n == null ? 'none' : write(n, unit));
  return (
    <tr
      class={shown ? '' : 'hidden-row'}
      onMouseEnter={() => onLift(line.key)}
      onMouseLeave={() => onLift(null)}
    >
      <td class="swatch-cell">
        <span class={`swatch big ${shown ? '' : 'off'}`} style={{ background: shown ? colour : 'transparent', borderColor: colour }} aria-hidden="true" />
      </td>
      <td class="series-name">
        <button
          type="button"
          class="mono break"
          aria-pressed={shown}
          title={fullName(line.labels)}
          onFocus={() => onLift(line.key)}
          onBlur={() => onLift(null)}
          onClick={(e) => (e.ctrlKey || e.metaKey ? toggle(line.key) : pickOnly(line.key))}
        >
          {line.name}
        </button>
      </td>
      {props.withAt && <td class="num">{cell(row.at)}</td>}
      {COLUMNS.map((c) => (
        <td key={c} class={`num ${c === 'last' || c === 'max' ? '' : 'quiet'}`}>
          {cell(s?.[c])}
        </td>
      ))}
      <td class="spark-cell">
        <Spark values={line.values} label={line.name} write={(n) => write(n, unit)} colour={colour} floor={s?.min ?? 0} />
      </td>
    </tr>
  );
}
