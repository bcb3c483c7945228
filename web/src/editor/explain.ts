/* explain: an expression as the tree of its parts, to show which of them has no result. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Part {
  readonly text: string;
  readonly depth: number;
  readonly children: readonly number[]; // indices into the list
}

const SHOWN = new Set(['BinaryExpr', 'AggregateExpr', 'FunctionCall', 'VectorSelector']);
const MOST = 16;

/** The whole first, then its parts in the order they are written. */
export function parts(expr: string): Part[] {
  const out: { text: string; depth: number; children: number[] }[] = [];
  const open: number[] = [];
  parser.parse(expr).iterate({
    enter(node) {
      if (!SHOWN.has(node.name) || out.length >= MOST) return;
      const parent = out[open[open.length - 1] ?? -1];
      parent?.children.push(out.length);
      open.push(out.length);
      out.push({ text: expr.slice(node.from, node.to), depth: open.length - 1, children: [] });
    },
    leave(node) {
      const top = out[open[open.length - 1] ?? -1];
      if (top && SHOWN.has(node.name) && top.text === expr.slice(node.from, node.to)) open.pop();
    },
  });
  return out;
}
