import type { Happening } from '../../lib/events';
import { overview } from '../../lib/shared';
import { bytes } from '../../lib/words';
import { asState, STATE_ORDER, type State } from '../../parts/state';
import { fullIn, worstDisk } from './disks';
import { useAsking, useTiles } from './host';
import { TILES, type TileSpec } from './specs';
import { Tile } from './tile';

const ROOM = 5; // columns of the widest grid

/** Judged by the server, so that a tile never contradicts the verdict; the rest only shows. */
function stateOf(spec: TileSpec): State {
  const host = overview.value?.host;
  const judged: Readonly<Record<string, string | undefined>> = {
    disk: worstDisk()?.state,
    memory: host?.memory_state,
    load: host?.load_state,
  };
  return asState(judged[spec.id] ?? 'ok');
}

function captionOf(spec: TileSpec): string | undefined {
  const d = spec.id === 'disk' ? worstDisk() : undefined;
  if (!d) return undefined;
  const full = d.full_in_s === null ? '' : `, full in ${fullIn(d.full_in_s)}`;
  return `${bytes(d.free_bytes)} free on ${d.mountpoint}${full}`;
}

/** This host. Worst first; as many are two wide as fill the rows. */
export function Tiles({ changes }: { changes: readonly Happening[] }) {
  const asking = useAsking();
  const tiles = useTiles();
  const host = overview.value?.host?.name ?? '';
  if (!tiles || !asking)
    return (
      <div class="tiles" aria-busy="true">
        {TILES.slice(0, ROOM).map((t) => (
          <div key={t.id} class="card tile sweep" />
        ))}
      </div>
    );
  const shown = TILES.filter((t) => !tiles[t.id]?.asked || t.figure(tiles[t.id]?.answers ?? {}) !== undefined);
  const sorted = [...shown].sort((a, b) => STATE_ORDER.indexOf(stateOf(a)) - STATE_ORDER.indexOf(stateOf(b)));
  const rows = Math.ceil((sorted.length + 1) / ROOM);
  const wide = Math.max(1, Math.min(sorted.length, rows * ROOM - sorted.length));
  const here = changes.filter((e) => isHere(e, host));
  const isWide = (i: number): boolean => widePlaces(sorted.length, wide).has(i);
  return (
    <section class="tiles" aria-label={`This host${host ? `, ${host}` : ''}`}>
      {sorted.map((t, i) => {
        const data = tiles[t.id];
        return (
          data && (
            <Tile key={t.id} spec={t} data={data} host={host} state={stateOf(t)} caption={captionOf(t)} wide={isWide(i)} changes={here} expr={t.spark(asking)} />
          )
        );
      })}
    </section>
  );
}

/** It happened on this host, as far as its labels tell. */
function isHere({ labels: { instance = '' } }: Happening, host: string): boolean {
  return !instance || instance === host || /^(127\.|localhost\b|\[::1\])/.test(instance);
}

/** Which places are two wide, so that each row of ROOM is full: the first of each row, in turn. */
export function widePlaces(n: number, wide: number): ReadonlySet<number> {
  const rows = Math.ceil((n + wide) / ROOM);
  const out = new Set<number>();
  let at = 0;
  let left = wide;
  for (let row = 0; row < rows; row++) {
    const here = Math.min(Math.ceil(left / (rows - row)), Math.floor(ROOM / 2));
    for (let k = 0; k < here; k++) out.add(at + k);
    left -= here;
    at += ROOM - here;
  }
  return out;
}
