/* empty: an answer without series, taken apart: which part has some, and where they are lost. */
import type { Part } from '../../editor/editor';
import { instant } from '../../lib/api';
import { useData } from '../../lib/data';
import { range, setRange } from '../../lib/place';
import { single } from '../../lib/prom';
import { last } from '../../lib/range';
import { count, duration } from '../../lib/words';
import { Shape } from '../../parts/state';
import type { Result } from './question';

interface Counted extends Part {
  readonly series: number | undefined; // undefined: not a vector
}

async function take(result: Result, signal: AbortSignal): Promise<Counted[]> {
  const { parts } = await import('../../editor/editor');
  return Promise.all(
    parts(result.expr).map(async (part) => {
      try {
        return { ...part, series: single(await instant(`count(${part.text})`, result.span.to, signal)) ?? 0 };
      } catch {
        return { ...part, series: undefined };
      }
    }),
  );
}

/** The row where series go in and none comes out. */
function deathOf(list: readonly Counted[]): number {
  return list.findIndex((p) => p.series === 0 && (p.children.length === 0 || p.children.every((c) => (list[c]?.series ?? 1) > 0)));
}

export function Empty({ result }: { result: Result }) {
  const data = useData(`${result.expr} ${result.span.to}`, (signal) => take(result, signal), 0);
  const list = data.value ?? [];
  const death = deathOf(list);
  const dead = list[death];
  return (
    <section class="card" data-test="empty">
      <h2 class="title">No result.</h2>
      <p class="lead">{sentence(dead, result)}</p>
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
      {list.length > 0 && (
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
              <tr key={i} class={i === death ? 'dead' : ''}>
                <td class="mono break" style={{ paddingLeft: `${12 + p.depth * 20}px` }}>
                  {p.depth ? '\u2514 ' : ''}
                  {p.text.replace(/\s+/g, ' ')}
                </td>
                <td class="num">{p.series === undefined ? 'a number' : count(p.series)}</td>
                <td>{happened(p, i === death, list)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function sentence(dead: Counted | undefined, result: Result): string {
  if (!dead) return `No sample in these ${duration(result.span.to - result.span.from)}; at their end there is one.`;
  if (!dead.children.length) return 'No series of that name and those labels has a value now. A typing mistake, or nothing measures it yet.';
  return dead.children.length > 1
    ? 'Both sides have series, yet no pair of them has equal labels, or none passes the comparison.'
    : 'Series go in, none comes out: no value passes, or there are too few samples for the range.';
}

function happened(p: Counted, isDead: boolean, list: readonly Counted[]) {
  if (isDead)
    return (
      <span class="state critical">
        <Shape state="critical" /> {p.children.length ? 'The match dies here.' : 'Nothing of that name.'}
      </span>
    );
  if (p.series === 0 && p.children.some((c) => list[c]?.series === 0)) return 'nothing left to work on';
  return p.series ? 'has values now' : '';
}
