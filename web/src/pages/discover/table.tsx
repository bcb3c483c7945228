import { count } from '../../lib/words';
import { watchedAs, type Found } from './plan';

interface Props {
  readonly found: readonly Found[];
  readonly left: ReadonlySet<string>;
  readonly at: number;
  readonly onPick: (at: number) => void;
  readonly onToggle: (id: string) => void;
}

export function FoundTable({ found, left, at, onPick, onToggle }: Props) {
  const together = found.filter((f) => f.state === 'new' && !left.has(f.id)).reduce((sum, f) => sum + (f.series ?? 0), 0);
  const ruled = found.some((f) => f.rules?.length);
  return (
    <div class="rows" tabIndex={0} role="region" aria-label="What was found">
      <table class="found-table">
        <thead>
          <tr>
            <th>
              <span class="vh">Take</span>
            </th>
            <th>Found</th>
            <th>How it was recognised</th>
            <th>Will be watched</th>
            {ruled && <th class="num">Rules</th>}
            <th class="num">Series</th>
          </tr>
        </thead>
        <tbody>
          {found.map((f, i) => (
            <tr key={f.id} data-row class={i === at ? 'picked' : ''} onClick={() => onPick(i)}>
              <td>
                <input
                  type="checkbox"
                  aria-label={`Watch ${f.title}`}
                  checked={f.state === 'watched' || (f.state === 'new' && !left.has(f.id))}
                  disabled={f.state !== 'new'}
                  onChange={() => onToggle(f.id)}
                  onFocus={() => onPick(i)}
                />
              </td>
              <th scope="row" class={f.state === 'new' || f.state === 'watched' ? 'found-name' : 'found-name quiet'}>
                {f.title}
              </th>
              <td class="quiet break">{f.evidence}</td>
              <td class={f.state === 'new' ? '' : 'quiet'}>{watchedAs(f)}</td>
              {ruled && (
                <td class="num" data-head="Rules">
                  {f.rules?.length ? count(f.rules.length) : f.state === 'new' && <span class="quiet">none</span>}
                </td>
              )}
              <td class="num" data-head="Series">{f.series ? count(f.series) : <span class="quiet">not known</span>}</td>
            </tr>
          ))}
          {together > 0 && (
            <tr class="found-sum">
              <td />
              <th scope="row" class="found-name">
                Together
              </th>
              <td class="quiet" colSpan={ruled ? 3 : 2}>
                those whose series are known
              </td>
              <td class="num" data-head="Series">{count(together)}</td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
