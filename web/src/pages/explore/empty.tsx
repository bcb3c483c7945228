/* empty: an answer without series, explained by the server: which part has some, where they are
 * lost, and what may have been meant. */
import { ask as askOwn, type Explanation, type ExplainedPart, type Finding } from './explanation';
import { useData } from '../../lib/data';
import { range, setRange } from '../../lib/place';
import { last } from '../../lib/range';
import { guessUnit, write } from '../../lib/units';
import { count, duration, plural } from '../../lib/words';
import { Note } from '../../parts/note';
import { Spark } from '../../parts/spark';
import { Shape } from '../../parts/state';
import { ask, type Result } from './question';

export interface EmptyProps {
  readonly result: Result;
  readonly onAsk: (expr: string) => void;
}

export function Empty({ result, onAsk }: EmptyProps) {
  // Not with every tick of Live: the reason seldom changes, and the parts cost as much as the whole.
  const data = useData(`${result.expr} ${JSON.stringify(range.value)}`, (signal) => askOwn(result, signal), 0);
  const why = data.value;
  const offers = why ? offersOf(why) : [];
  return (
    <>
      <section class="card" data-test="empty">
        <div class="card-head why">
          <h2>{why?.summary ?? 'No result.'}</h2>
          <span class="note">checked on {duration(result.span.to - result.span.from)} of stored samples</span>
        </div>
        {!why && <Note data={data} what="The explanation" height={80} />}
        {why?.findings.map((f) => (
          <p key={f.text} class="lead reason">
            <Quoting text={f.text} />
          </p>
        ))}
        {range.value.kind === 'fixed' && (
          <p class="form-row">
            <button type="button" class="button" onClick={() => history.back()}>
              Go back
            </button>
            <button type="button" class="button plain" onClick={() => setRange(last(3600))}>
              Show the last hour
            </button>
          </p>
        )}
        {why && <Parts list={why.parts} />}
        {why?.stopped && <p class="small quiet">The rest was not looked at: {why.stopped}</p>}
      </section>
      {offers.map((expr, i) => (
        <Offer key={expr} expr={expr} sure={i === 0 && expr === why?.mended} onAsk={onAsk} />
      ))}
    </>
  );
}

/** All mended at once; where that cannot be said, each place alone. */
function offersOf(why: Explanation): string[] {
  if (why.mended) return [why.mended];
  return [...new Set(why.findings.map((f: Finding) => f.suggestion).filter((s): s is string => s !== null))].slice(0, 3);
}

/** What stands in quotes is data: in the letters of expressions. */
function Quoting({ text }: { text: string }) {
  return (
    <>
      {text.split(/("(?:[^"\\]|\\.)*")/).map((piece, i) =>
        i % 2 ? (
          <code key={i} class="quoted break">
            {piece.slice(1, -1) || '""'}
          </code>
        ) : (
          piece
        ),
      )}
    </>
  );
}

function Parts({ list }: { list: readonly ExplainedPart[] }) {
  return (
    <table class="plain-table parts-table">
      <thead>
        <tr>
          <th>Part of the expression</th>
          <th class="num">Series</th>
          <th>What happened</th>
        </tr>
      </thead>
      <tbody>
        {list.map((p, i) => (
          <tr key={i} class={p.dies ? 'dead' : ''}>
            <td class="mono break" style={{ paddingLeft: `calc(12px + ${Math.min(p.depth, 12)} * var(--indent))` }}>
              {p.depth ? '\u2514 ' : ''}
              {p.text}
            </td>
            <td class="num">{p.series === null ? '' : count(p.series)}</td>
            <td>
              {p.dies && (
                <span class="state critical">
                  <Shape state="critical" /> It ends here:
                </span>
              )}{' '}
              {p.note ?? ''}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A mended expression, and what it would have read. */
function Offer({ expr, sure, onAsk }: { expr: string; sure: boolean; onAsk: (expr: string) => void }) {
  const data = useData(`offer ${expr} ${JSON.stringify(range.value)}`, (signal) => ask(expr, range.value, 120, signal), 0);
  const lines = data.value?.lines ?? [];
  const unit = guessUnit(expr);
  const [first] = lines;
  return (
    <section class="card offer" data-test="offer">
      <div>
        <h2>{sure ? 'This may be what was meant' : 'A part of it, mended'}</h2>
        <pre class="code">{expr}</pre>
        <button type="button" class="button primary" onClick={() => onAsk(expr)} data-test="use">
          Use this
        </button>
      </div>
      <div class="offer-preview">
        <p class="small quiet">{data.value ? (first ? `With it: ${plural(lines.length, 'series', 'series')}` : 'With it: nothing that passes the comparison') : ''}</p>
        {first && <Spark values={first.values} label={first.name} write={(n) => write(n, unit)} />}
        {first && <p class="micro quiet break">{first.name}</p>}
      </div>
    </section>
  );
}
