/* explanation: asking the server why an expression gives nothing (docs/api.md). */
import { own, rangeArgs } from '../../lib/api';
import type { Result } from './question';

export interface ExplainedPart {
  readonly text: string;
  readonly depth: number;
  readonly series: number | null; // null: no vector
  readonly dies: boolean;
  readonly note: string | null;
}
export interface Finding {
  readonly kind: string;
  readonly cause: boolean;
  readonly text: string;
  readonly suggestion: string | null;
}
export interface Explanation {
  readonly summary: string;
  readonly parts: readonly ExplainedPart[];
  readonly findings: readonly Finding[];
  readonly mended: string | null;
  readonly stopped: string | null;
}

export async function ask(result: Result, signal: AbortSignal): Promise<Explanation> {
  const { data } = await own<{ data: Explanation }>('explain', signal, rangeArgs(result.expr, result.span, result.step));
  return data;
}
