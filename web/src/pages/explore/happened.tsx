/* happened: below a chart, on its time axis: jobs as clips, and the changes in words. */
import { now } from '../../lib/clocks';
import { busy, type Clip, type Happening, type Lane } from '../../lib/events';
import type { Span } from '../../lib/range';
import { COLOURS, hash } from '../../lib/series';
import { count, plural, when } from '../../lib/words';
import { useWidth } from '../../parts/width';

const HEIGHT = 28;
const NARROW = 3; // px: below this mean width clips become a band
const SHOWN = 8;

function Clips({ clips, span, width, colour }: { clips: readonly Clip[]; span: Span; width: number; colour: string }) {
  const x = (t: number): number => ((t - span.from) / (span.to - span.from)) * width;
  const mean = clips.reduce((sum, c) => sum + x(c.to) - x(c.from), 0) / (clips.length || 1);
  if (mean < NARROW) {
    const n = Math.max(1, Math.floor(width / NARROW));
    return (
      <>
        {busy(clips, span, n).map((share, i) => share > 0 && <rect key={i} x={(i * width) / n} y={HEIGHT - share * (HEIGHT - 6)} width={width / n} height={share * (HEIGHT - 6)} fill={colour} />)}
        {clips.map((c, i) => c.failed && <rect key={`f${i}`} x={x(c.to) - 1} y={0} width={2} height={5} fill="var(--crit-f)" />)}
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
            <rect x={left} y={4} width={w} height={HEIGHT - 8} rx={2} fill={colour} fill-opacity={c.failed ? 0.25 : 0.7} stroke={c.failed ? 'var(--crit-f)' : 'none'} />
            {c.failed && <path d={`M${left} 4 l${w} ${HEIGHT - 8} M${left + w} 4 l${-w} ${HEIGHT - 8}`} stroke="var(--crit-f)" />}
            <title>{c.text}</title>
          </g>
        );
      })}
    </>
  );
}

function laneWords({ name, clips }: Lane): string {
  const failed = clips.filter((c) => c.failed).length;
  const open = clips.filter((c) => c.open).length;
  return `${name}: ${plural(clips.length, 'job')}${failed ? `, ${count(failed)} failed` : ''}${open ? `, ${count(open)} at work` : ''}`;
}

interface What {
  readonly changes: readonly Happening[];
  readonly lanes: readonly Lane[];
  readonly span: Span;
}

export function Happened(what: What) {
  return what.changes.length || what.lanes.length ? <Card {...what} /> : null;
}

function Card({ changes, lanes, span }: What) {
  const [box, width] = useWidth<HTMLElement>();
  const newest = [...changes].reverse();
  return (
    <section ref={box} class="card happened" aria-labelledby="happened-head" data-test="happened">
      <h2 id="happened-head">What happened</h2>
      {lanes.map((l) => (
        <div class="lane" key={l.name}>
          <p class="small">{laneWords(l)}</p>
          <svg role="img" aria-label={laneWords(l)} width={width || 100} height={HEIGHT} class="clips">
            <Clips clips={l.clips} span={span} width={width || 100} colour={`var(--s${hash(l.name) % COLOURS})`} />
          </svg>
        </div>
      ))}
      {changes.length > 0 && (
        <ul class="changes">
          {newest.slice(0, SHOWN).map((e) => (
            <li key={e.id}>
              <time class="quiet" dateTime={new Date(e.start * 1000).toISOString()}>
                {when(e.start, now.value, true)}
              </time>{' '}
              {e.text}
            </li>
          ))}
          {newest.length > SHOWN && <li class="quiet">and {count(newest.length - SHOWN)} before</li>}
        </ul>
      )}
    </section>
  );
}
