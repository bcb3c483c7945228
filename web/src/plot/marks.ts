/* marks: changes as dashed lines through the plot, their words at the top. */
import type uPlot from 'uplot';

export interface Mark {
  readonly at: number; // Unix seconds
  readonly text: string;
}
export interface Group {
  readonly x: number; // of the first
  readonly text: string;
}

const MERGE = 24; // px
const FLIP = 140; // px from the right edge
const WORDS = 36; // characters

const cut = (text: string): string => (text.length > WORDS ? `${text.slice(0, WORDS - 1)}\u2026` : text);

/** Those that stand too near for their own words share a line. */
export function grouped(marks: readonly { readonly x: number; readonly text: string }[], least: number): Group[] {
  const out: { x: number; texts: string[] }[] = [];
  for (const m of [...marks].sort((a, b) => a.x - b.x)) {
    const last = out[out.length - 1];
    if (last && m.x - last.x < least) last.texts.push(m.text);
    else out.push({ x: m.x, texts: [m.text] });
  }
  return out.map((g) => ({ x: g.x, text: g.texts.length > 1 ? `${g.texts.length} changes` : cut(g.texts[0] ?? '') }));
}

export function drawMarks(u: uPlot, marks: readonly Mark[], token: (name: string) => string): void {
  const { ctx, bbox } = u;
  const dpr = devicePixelRatio || 1;
  const groups = grouped(marks.map((m) => ({ x: Math.round(u.valToPos(m.at, 'x', true)), text: m.text })), MERGE * dpr);
  ctx.save();
  ctx.font = `500 ${11 * dpr}px ${token('sans')}`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  let free = bbox.left; // where words may begin
  for (const g of groups) {
    ctx.strokeStyle = token('text3');
    ctx.lineWidth = dpr;
    ctx.setLineDash([2 * dpr, 3 * dpr]);
    ctx.beginPath();
    ctx.moveTo(g.x + dpr / 2, bbox.top);
    ctx.lineTo(g.x + dpr / 2, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
    const y = bbox.top - 8 * dpr;
    ctx.fillStyle = token('text2');
    ctx.beginPath();
    for (const [dx, dy] of [[0, -4], [4, 0], [0, 4], [-4, 0]] as const) ctx.lineTo(g.x + dx * dpr, y + dy * dpr);
    ctx.fill();
    const width = ctx.measureText(g.text).width;
    const left = g.x > bbox.left + bbox.width - FLIP * dpr ? g.x - 8 * dpr - width : g.x + 8 * dpr;
    if (left < free) continue; // the list below the chart has it
    ctx.fillText(g.text, left, y);
    free = left + width + 12 * dpr;
  }
  ctx.restore();
}
