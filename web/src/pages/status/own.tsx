import { get, instant } from '../../lib/api';
import { useData } from '../../lib/data';
import { href } from '../../lib/place';
import { num, quoted, type Labels, type Metadata } from '../../lib/prom';
import { write, guessUnit } from '../../lib/units';

interface Own {
  readonly metric: Labels;
  readonly value: number;
}
const MOST = 200;

/** earshot's metrics about itself, with what each means. */
export function OwnMetrics() {
  const data = useData(
    'own',
    async (signal) => {
      const [now, meta] = await Promise.all([
        instant('{__name__=~"earshot_.*"}', undefined, signal),
        get<Readonly<Record<string, readonly Metadata[]>>>('metadata', {}, signal).catch(() => ({}) as Readonly<Record<string, readonly Metadata[]>>),
      ]);
      const list: Own[] = now.resultType === 'vector' ? now.result.map((s) => ({ metric: s.metric, value: num(s.value?.[1]) })) : [];
      return { list: list.filter((o) => !/_bucket$/.test(o.metric['__name__'] ?? '')), meta };
    },
    15_000,
  );
  if (!data.value?.list.length) return null;
  const { list, meta } = data.value;
  const sorted = [...list].sort((a, b) => ((a.metric['__name__'] ?? '') < (b.metric['__name__'] ?? '') ? -1 : 1)).slice(0, MOST);
  return (
    <section class="card">
      <details>
        <summary>
          <h2 class="inline-head">earshot about itself</h2> <span class="quiet small">{list.length} series, also at /metrics</span>
        </summary>
        <div class="scroll-x" tabIndex={0} role="region" aria-label="earshot's own metrics">
          <table class="plain-table">
            <thead>
              <tr>
                <th>Metric</th>
                <th>Labels</th>
                <th class="num">Now</th>
                <th>Meaning</th>
              </tr>
            </thead>
            <tbody>
              {sorted.map((o) => {
                const { __name__: name = '', job: _job, instance: _instance, ...rest } = o.metric;
                const labels = Object.entries(rest).map(([k, v]) => `${k}=${quoted(v)}`);
                return (
                  <tr key={name + labels.join()}>
                    <td>
                      <a class="mono" href={href('explore', { expr: name })}>
                        {name}
                      </a>
                    </td>
                    <td class="mono break">{labels.join(' ')}</td>
                    <td class="num">{write(o.value, guessUnit(name))}</td>
                    <td>{meta[name]?.[0]?.help ?? ''}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}
