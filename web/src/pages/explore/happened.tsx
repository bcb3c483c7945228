/* happened: below a chart, on its time axis: jobs as clips, and the changes in words. */
import { now } from '../../lib/clocks';
import type { Happening, Lane } from '../../lib/events';
import type { Span } from '../../lib/range';
import { COLOURS, hash } from '../../lib/series';
import { count, when } from '../../lib/words';
import { clipWords, Clips } from '../../parts/clips';
import { useWidth } from '../../parts/width';

const HEIGHT = 28;
const SHOWN = 8;

const laneWords = ({ name, clips }: Lane): string => `${name}: ${clipWords(clips)}`;

interface What {
  readonly changes: readonly Happening[];
  readonly lanes: readonly Lane[];
  readonly jobsFrom: number | null; // older jobs are not drawn
  readonly span: Span;
}

export function Happened(what: What) {
  return what.changes.length || what.lanes.length ? <Card {...what} /> : null;
}

function Card({ changes, lanes, jobsFrom, span }: What) {
  const [box, width] = useWidth<HTMLElement>();
  const newest = [...changes].reverse();
  return (
    <section ref={box} class="card happened" aria-labelledby="happened-head" data-test="happened">
      <h2 id="happened-head">What happened</h2>
      {lanes.map((l) => (
        <div class="lane" key={l.name}>
          <p class="small">{laneWords(l)}</p>
          <svg role="img" aria-label={laneWords(l)} width={width || 100} height={HEIGHT} class="clips">
            <Clips clips={l.clips} span={span} width={width || 100} top={4} height={HEIGHT - 8} colour={`var(--s${hash(l.name) % COLOURS})`} />
          </svg>
        </div>
      ))}
      {jobsFrom !== null && <p class="small quiet cut-short">Jobs before {when(jobsFrom, now.value, true)} are too many to be drawn.</p>}
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
