/* spark: a small line without axes; the words beside it say what it says. */
import { ruledAt } from '../lib/events';
import { stats, type Value } from '../lib/series';
import { plural } from '../lib/words';

const W = 100;
const H = 30;
const PAD = 2;
const NEAR = 2;

export interface SparkProps {
  readonly values: readonly Value[];
  readonly label: string;
  readonly write: (n: number) => string;
  readonly limit?: number; // dashed
  readonly floor?: number; // where y starts; default 0
  readonly ceiling?: number;
  readonly colour?: string;
  readonly dot?: boolean;
  readonly marks?: readonly number[]; // changes: where between the first value (0) and the last (1)
}

export function Spark(props: SparkProps) {
  const { limit, floor = 0, ceiling, colour = 'var(--s0)', dot = true, marks = [] } = props;
  const values = trimmed(props.values);
  const s = stats(values);
  if (!s) return <div class="spark chart" role="img" aria-label={`${props.label}: no data`} />;
  const top = Math.max(s.max, limit ?? s.max, ceiling ?? s.max);
  const bottom = Math.min(floor, s.min);
  const y = (v: number): number => H - PAD - ((v - bottom) / (top - bottom || 1)) * (H - 2 * PAD);
  const x = (i: number): number => (values.length > 1 ? (i / (values.length - 1)) * W : W);
  const { line, area } = paths(values, x, y);
  const last = lastIndex(values);
  const ruled = ruledAt(marks, props.values.length, values.length, NEAR / W).map((at) => at * W);
  const words = `${props.label}: min ${props.write(s.min)}, max ${props.write(s.max)}, now ${props.write(s.last)}${ruled.length ? `, ${plural(ruled.length, 'change')}` : ''}`;
  return (
    <div class="spark chart" role="img" aria-label={words}>
      <svg viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" width="100%" height="100%" aria-hidden="true">
        <path d={area} fill={colour} fill-opacity=".12" />
        {limit !== undefined && (
          <path d={`M0 ${y(limit)}H${W}`} stroke="var(--warn-f)" stroke-dasharray="5 4" vector-effect="non-scaling-stroke" />
        )}
        {ruled.map((at) => (
          <path key={at} d={`M${at} 0V${H}`} stroke="var(--text3)" stroke-dasharray="2 3" vector-effect="non-scaling-stroke" />
        ))}
        <path d={line} fill="none" stroke={colour} stroke-width="1.5" stroke-linejoin="round" vector-effect="non-scaling-stroke" />
      </svg>
      {dot && (
        <span
          class="spark-dot"
          style={{ left: `${(x(last) / W) * 100}%`, top: `${(y(s.last) / H) * 100}%`, background: colour }}
        />
      )}
    </div>
  );
}

/** From the first value on. */
function trimmed(values: readonly Value[]): readonly Value[] {
  return values.slice(Math.max(0, values.findIndex((v) => v !== null)));
}

function lastIndex(values: readonly Value[]): number {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return i;
  return 0;
}

/** Nulls are gaps: each run of values is a line of its own. */
function paths(values: readonly Value[], x: (i: number) => number, y: (v: number) => number): { line: string; area: string } {
  let line = '';
  let area = '';
  let start = -1;
  const close = (end: number): void => {
    if (start >= 0) area += `L${x(end).toFixed(2)} ${H}L${x(start).toFixed(2)} ${H}Z`;
    start = -1;
  };
  values.forEach((v, i) => {
    if (v === null || !Number.isFinite(v)) {
      close(i - 1);
      return;
    }
    const point = `${x(i).toFixed(2)} ${y(v).toFixed(2)}`;
    line += (start < 0 ? 'M' : 'L') + point;
    area += (start < 0 ? 'M' : 'L') + point;
    if (start < 0) start = i;
  });
  close(values.length - 1);
  return { line, area };
}
