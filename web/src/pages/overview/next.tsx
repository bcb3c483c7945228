import { overview } from '../../lib/shared';
import { bytes, percent } from '../../lib/words';
import { asState } from '../../parts/state';
import { fullIn } from './disks';

interface Line {
  readonly name: string;
  readonly share: number;
  readonly words: string;
  readonly end: string;
  readonly state: string;
}

function lines(): Line[] {
  const host = overview.value?.host;
  return [...(host?.disks ?? [])]
    .sort((a, b) => (a.full_in_s ?? Infinity) - (b.full_in_s ?? Infinity) || a.free_bytes / a.size_bytes - b.free_bytes / b.size_bytes)
    .slice(0, 6)
    .map((d) => ({
      name: d.mountpoint,
      share: 1 - d.free_bytes / d.size_bytes,
      words: `${bytes(d.free_bytes)} free`,
      end: fullIn(d.full_in_s),
      state: d.state ?? 'ok',
    }));
}

/** Disks: how full, and when full. */
export function RunsOut() {
  const list = lines();
  if (!list.length) return null;
  return (
    <section class="card" data-test="runs-out">
      <div class="card-head">
        <h2>Runs out next</h2>
        <span class="note">at the present trend</span>
      </div>
      <table class="plain-table">
        <thead class="vh">
          <tr>
            <th>What</th>
            <th>In use</th>
            <th>Left</th>
            <th>Full in</th>
          </tr>
        </thead>
        <tbody>
          {list.map((l) => {
            const s = asState(l.state);
            const tone = s === 'critical' || s === 'warning' ? s : '';
            return (
              <tr key={l.name}>
                <td class="break">{l.name}</td>
                <td class="bar-cell">
                  <span class={`bar ${tone}`} aria-hidden="true">
                    <span style={{ width: `${Math.round(l.share * 100)}%` }} />
                  </span>
                  <span class="vh">{percent(l.share)}</span>
                </td>
                <td class="num quiet">{l.words}</td>
                <td class={`num strong ${tone ? `state ${tone}` : ''}`}>{l.end}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
