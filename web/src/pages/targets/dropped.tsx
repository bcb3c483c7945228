import type { Labels } from '../../lib/prom';
import { fullName } from '../../lib/series';

/** Targets that relabelling took out. */
export function Dropped({ list, words }: { list: readonly { readonly discoveredLabels: Labels }[]; words: string }) {
  const shown = list.map((d) => fullName(d.discoveredLabels)).filter((n) => n.toLowerCase().includes(words.toLowerCase()));
  return (
    <div class="rows" tabIndex={0} role="region" aria-label="Dropped targets">
      <table>
        <thead>
          <tr>
            <th>Labels before relabelling; the rules dropped it</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((n) => (
            <tr key={n}>
              <td class="mono break">{n}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
