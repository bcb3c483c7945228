import type { Value } from '../../lib/series';

const BAR = 3;
const GAP = 1;
const H = 16;

/** How long each of the last scrapes took; a failed one is a full-width red foot. */
export function Bars({ took, up, timeout, label }: { took: readonly Value[]; up: readonly Value[]; timeout: number; label: string }) {
  const most = Math.max(...took.map((v) => v ?? 0), 1e-9);
  return (
    <svg class="chart" role="img" aria-label={label} width={took.length * (BAR + GAP)} height={H}>
      {took.map((v, i) => {
        const failed = up[i] === 0;
        if (v === null && !failed) return null;
        const slow = (v ?? 0) > timeout / 2;
        const h = failed ? 3 : Math.max(2, Math.round(((v ?? 0) / most) * (H - 4)));
        const fill = failed ? 'var(--crit-f)' : slow ? 'var(--warn-f)' : 'var(--unk)';
        return <rect key={i} x={i * (BAR + GAP)} y={H - h} width={BAR} height={h} fill={fill} />;
      })}
    </svg>
  );
}
