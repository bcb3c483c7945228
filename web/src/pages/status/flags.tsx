import { get } from '../../lib/api';
import { useData } from '../../lib/data';

/** How it was started. */
export function Flags() {
  const data = useData('flags', (s) => get<Readonly<Record<string, string>>>('status/flags', {}, s), 0);
  const set = Object.entries(data.value ?? {}).filter(([, v]) => v !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  if (!set.length) return null;
  return (
    <section class="card">
      <details>
        <summary>
          <h2 class="inline-head">Flags</h2> <span class="quiet small">{set.length} in force</span>
        </summary>
        <dl class="facts-list wide-list">
          {set.map(([name, value]) => (
            <>
              <dt class="mono break">--{name}</dt>
              <dd class="mono break">{value}</dd>
            </>
          ))}
        </dl>
      </details>
    </section>
  );
}
