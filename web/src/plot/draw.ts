/* draw: what uPlot does not draw itself: y labels inside the plot, and gaps with their length. */
import type uPlot from 'uplot';
import type { PlotData, PlotWords } from './plot';

type Token = (name: string) => string;
const GAP_MIN = 3; // steps

/** Above its grid line, at the left, on a halo of the panel's colour. */
export function drawLabels(u: uPlot, words: PlotWords, token: Token): void {
  const { ctx } = u;
  const dpr = devicePixelRatio || 1;
  const splits = (u.axes[1] as unknown as { _splits?: number[] })._splits ?? [];
  ctx.save();
  ctx.font = `500 ${11 * dpr}px ${token('sans')}`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 4 * dpr;
  ctx.strokeStyle = token('panel');
  ctx.fillStyle = token('text3');
  for (const v of splits) {
    const y = Math.round(u.valToPos(v, 'y', true));
    if (y > u.bbox.top + u.bbox.height - 2 || y < u.bbox.top + 12 * dpr || v === 0) continue;
    const text = words.value(v);
    ctx.strokeText(text, u.bbox.left + 6 * dpr, y - 2 * dpr);
    ctx.fillText(text, u.bbox.left + 6 * dpr, y - 2 * dpr);
  }
  ctx.restore();
}

/** Spans in which no line has a value, after the first that has. */
export function gaps(data: PlotData): [number, number][] {
  const out: [number, number][] = [];
  let start = -1;
  let seen = false;
  data.times.forEach((_, i) => {
    const some = data.lines.some((l) => l.values[i] != null);
    if (some && start >= 0 && seen && i - start >= GAP_MIN) out.push([start, i]);
    if (some) start = -1;
    else if (start < 0) start = i;
    seen ||= some;
  });
  return out;
}

export function drawGaps(u: uPlot, data: PlotData, words: PlotWords, token: Token): void {
  const { ctx } = u;
  const dpr = devicePixelRatio || 1;
  ctx.save();
  ctx.font = `500 ${11 * dpr}px ${token('sans')}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  for (const [a, b] of gaps(data)) {
    const from = data.times[Math.max(0, a - 1)] ?? 0;
    const to = data.times[b] ?? 0;
    const left = u.valToPos(from, 'x', true);
    const right = u.valToPos(to, 'x', true);
    ctx.fillStyle = token('unk-bg');
    ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
    const text = `no data ${words.length(to - from)}`;
    if (ctx.measureText(text).width + 8 * dpr > right - left) continue;
    ctx.fillStyle = token('unk');
    ctx.fillText(text, (left + right) / 2, u.bbox.top + u.bbox.height / 2);
  }
  ctx.restore();
}
