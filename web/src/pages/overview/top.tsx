import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { overview } from '../../lib/shared';
import type { Process } from '../../lib/overview';
import { bytes, memory, percent } from '../../lib/words';
import { Segments } from '../../parts/segments';

type By = 'cpu' | 'memory' | 'io';
const VALUE: Readonly<Record<By, (p: Process) => number>> = {
  cpu: (p) => p.cpu_ratio ?? -1,
  memory: (p) => p.rss_bytes ?? -1,
  io: (p) => p.io_bytes_per_second ?? -1,
};
const MOST = 7;

/** Who uses the machine just now. */
export function TopProcesses() {
  const [by, setBy] = useState<By>('cpu');
  const top = overview.value?.top;
  if (!top?.length) return null;
  const sorted = [...top].sort((a, b) => VALUE[by](b) - VALUE[by](a)).slice(0, MOST);
  const cell = (v: number | null | undefined, write: (n: number) => string): ComponentChildren =>
    v == null ? <span class="quiet small">not measured</span> : v ? write(v) : 'none';
  return (
    <section class="card" data-test="top">
      <div class="card-head">
        <h2>Busiest processes</h2>
        <span class="end">
          <Segments
            label="Sort by"
            value={by}
            choices={[
              { value: 'cpu', label: 'CPU' },
              { value: 'memory', label: 'Memory' },
              { value: 'io', label: 'I/O' },
            ]}
            onChange={setBy}
          />
        </span>
      </div>
      <table class="plain-table">
        <thead>
          <tr>
            <th>Name</th>
            <th class="num">CPU</th>
            <th class="num">Memory</th>
            <th class="num">I/O</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((p) => (
            <tr key={p.pid}>
              <td class="name-cell" title={`${p.name}, process ${p.pid}`}>
                {p.name} <span class="quiet micro">{p.pid}</span>
              </td>
              <td class="num">{cell(p.cpu_ratio, percent)}</td>
              <td class="num">{cell(p.rss_bytes, memory)}</td>
              <td class="num">{cell(p.io_bytes_per_second, (n) => `${bytes(n)}/s`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
