import { get } from '../../lib/api';
import { now } from '../../lib/clocks';
import { useData } from '../../lib/data';
import { href } from '../../lib/place';
import { overview } from '../../lib/shared';
import { bytes, count, duration, figure } from '../../lib/words';
import { Facts } from '../../parts/facts';
import { Note } from '../../parts/note';

interface Tsdb {
  readonly headStats?: {
    readonly numSeries?: number;
    readonly numLabelPairs?: number;
    readonly chunkCount?: number;
    readonly minTime?: number;
    readonly maxTime?: number;
  };
  readonly seriesCountByMetricName?: readonly { readonly name: string; readonly value: number }[];
  readonly labelValueCountByLabelName?: readonly { readonly name: string; readonly value: number }[];
}
const MOST = 6;

/** What is stored, and what takes most of it. */
export function Storage() {
  const data = useData('tsdb', (s) => get<Tsdb>('status/tsdb', {}, s), 15_000);
  const head = data.value?.headStats;
  const self = overview.value?.self;
  const lines: [string, string][] = [];
  const add = (label: string, v: number | null | undefined, write: (n: number) => string): void => {
    if (v != null && v >= 0) lines.push([label, write(v)]);
  };
  add('Series in memory', head?.numSeries, count);
  add('Label pairs', head?.numLabelPairs, count);
  add('Chunks in memory', head?.chunkCount, count);
  if (head?.minTime && head.maxTime && head.maxTime >= head.minTime) add('Memory holds', (head.maxTime - head.minTime) / 1000, duration);
  add('Samples in all', self?.samples, figure);
  add('On disk', self?.data_bytes, bytes);
  add('Kept so far', self?.oldest_ts ? now.value - self.oldest_ts : null, (s) => duration(Math.round(s)));
  return (
    <section class="card">
      <div class="card-head">
        <h2>Store</h2>
      </div>
      {data.value ? (
        <>
          <Facts lines={lines} />
          <h3 class="sub-head">Metrics with the most series</h3>
          <dl class="facts-list">
            {(data.value.seriesCountByMetricName ?? []).slice(0, MOST).map((m) => (
              <>
                <dt class="break">
                  <a class="mono" href={href('explore', { expr: m.name })}>
                    {m.name}
                  </a>
                </dt>
                <dd>{count(m.value)}</dd>
              </>
            ))}
          </dl>
        </>
      ) : (
        <Note data={data} what="The store" />
      )}
    </section>
  );
}
