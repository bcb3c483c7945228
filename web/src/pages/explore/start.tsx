/** Nothing asked yet: a few questions that most hosts can answer. */
const IDEAS: readonly (readonly [string, string])[] = [
  ['Which targets answer', 'up'],
  ['CPU in use, by mode', 'avg by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))'],
  ['Memory left', 'node_memory_MemAvailable_bytes'],
  ['Network, received', 'rate(node_network_receive_bytes_total{device!="lo"}[5m])'],
  ['Disks, share in use', '1 - node_filesystem_avail_bytes{fstype!="tmpfs"} / node_filesystem_size_bytes{fstype!="tmpfs"}'],
];

export function Start({ onAsk }: { onAsk: (expr: string) => void }) {
  return (
    <section class="card">
      <div class="card-head">
        <h2>Ask something</h2>
        <span class="note">or pick a metric</span>
      </div>
      <ul>
        {IDEAS.map(([what, expr]) => (
          <li key={expr}>
            <button type="button" class="idea" onClick={() => onAsk(expr)}>
              <span>{what}</span>
              <span class="mono quiet break">{expr}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
