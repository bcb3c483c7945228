/* clips: jobs on a time axis, in an svg. */
import { busy, type Clip } from '../lib/events';
import type { Span } from '../lib/range';
import { count, plural } from '../lib/words';

const NARROW = 3; // px: below this mean width clips become a band

interface ClipsProps {
  readonly clips: readonly Clip[];
  readonly span: Span;
  readonly width: number;
  readonly top: number;
  readonly height: number;
  readonly colour: string;
}

export function Clips({ clips, span, width, top, height, colour }: ClipsProps) {
  const x = (t: number): number => ((t - span.from) / (span.to - span.from)) * width;
  const mean = clips.reduce((sum, c) => sum + x(c.to) - x(c.from), 0) / (clips.length || 1);
  if (mean < NARROW) {
    const n = Math.max(1, Math.floor(width / NARROW));
    return (
      <>
        {busy(clips, span, n).map((share, i) => {
          const high = Math.max(1, share * height);
          return share > 0 && <rect key={i} x={(i * width) / n} y={top + height - high} width={width / n} height={high} fill={colour} />;
        })}
        {clips.map((c, i) => c.failed && <rect key={`f${i}`} x={x(c.to) - 1} y={top} width={2} height={Math.min(5, height)} fill="var(--crit-f)" />)}
      </>
    );
  }
  return (
    <>
      {clips.map((c, i) => {
        const left = x(c.from);
        const w = Math.max(2, x(c.to) - left - 1);
        return (
          <g key={i}>
            <rect x={left} y={top} width={w} height={height} rx={2} fill={colour} fill-opacity={c.failed ? 0.25 : 0.7} stroke={c.failed ? 'var(--crit-f)' : 'none'} />
            {c.failed && <path d={`M${left} ${top} l${w} ${height} M${left + w} ${top} l${-w} ${height}`} stroke="var(--crit-f)" />}
            <title>{c.text}</title>
          </g>
        );
      })}
    </>
  );
}

/** "12 jobs, 1 failed, 1 at work" */
export function clipWords(clips: readonly Clip[]): string {
  const failed = clips.filter((c) => c.failed).length;
  const open = clips.filter((c) => c.open).length;
  return `${plural(clips.length, 'job')}${failed ? `, ${count(failed)} failed` : ''}${open ? `, ${count(open)} at work` : ''}`;
}
