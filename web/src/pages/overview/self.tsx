import { overview } from '../../lib/shared';
import { now } from '../../lib/clocks';
import { bytes, count, day, duration, figure, memory, percent } from '../../lib/words';
import { Facts } from '../../parts/facts';

/** What the watching itself costs. */
export function SelfCard() {
  const s = overview.value?.self;
  if (!s) return null;
  const list: [string, string][] = [];
  const add = (label: string, v: number | null | undefined, write: (n: number) => string): void => {
    if (v != null) list.push([label, write(v)]);
  };
  add('Memory', s.rss_bytes, memory);
  add('CPU, share of a core', s.cpu_ratio, percent);
  add('Series', s.series, count);
  add('Samples', s.samples, figure);
  add('Data on disk', s.data_bytes, bytes);
  add('Oldest sample', s.oldest_ts || null, (ts) =>
    now.value - ts < 2 * 86_400 ? `${duration(Math.max(1, Math.round((now.value - ts) / 60) * 60))} ago` : day(ts),
  );
  return (
    <section class="card">
      <div class="card-head">
        <h2>earshot itself</h2>
        <span class="note">what watching costs</span>
      </div>
      <Facts lines={list} />
    </section>
  );
}
