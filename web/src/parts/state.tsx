/* state: shape + word + colour, always three. Shapes are paths on a 12-unit grid. */
import type { ComponentChildren } from 'preact';

export type State = 'ok' | 'warning' | 'critical' | 'nodata' | 'pending' | 'notice';

export const STATE_WORDS: Readonly<Record<State, string>> = {
  ok: 'OK',
  warning: 'Warning',
  critical: 'Critical',
  nodata: 'No data',
  pending: 'Pending',
  notice: 'Notice',
};
/** Worst first. */
export const STATE_ORDER: readonly State[] = ['critical', 'warning', 'pending', 'nodata', 'notice', 'ok'];

export function asState(text: string | undefined | null): State {
  return STATE_ORDER.find((s) => s === text) ?? (text === 'up' ? 'ok' : text === 'down' ? 'critical' : 'nodata');
}

export function Shape({ state, size = 12 }: { state: State; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 12 12" aria-hidden="true">
      {shapes[state]}
    </svg>
  );
}

const line = { fill: 'none', stroke: 'currentColor', 'stroke-width': 1.8, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' } as const;
const knock = { ...line, stroke: 'var(--panel)', 'stroke-width': 1.4 } as const;

const shapes: Readonly<Record<State, ComponentChildren>> = {
  ok: <path d="M2 6.4 4.8 9 10 3.2" {...line} />,
  warning: [
    <path d="M6 .9 11.7 11H.3z" fill="currentColor" stroke="currentColor" stroke-width=".6" stroke-linejoin="round" />,
    <path d="M6 4.4v2.8M6 9.2v.01" {...knock} />,
  ],
  critical: [
    <path d="M3.7.5h4.6l3.2 3.2v4.6l-3.2 3.2H3.7L.5 8.3V3.7z" fill="currentColor" />,
    <path d="m4.1 4.1 3.8 3.8M7.9 4.1 4.1 7.9" {...knock} />,
  ],
  nodata: <circle cx="6" cy="6" r="4.6" {...line} stroke-width="1.5" stroke-dasharray="2.2 2.6" stroke-linecap="butt" />,
  pending: [<circle cx="6" cy="6" r="4.7" {...line} stroke-width="1.4" />, <path d="M6 1.3a4.7 4.7 0 0 1 0 9.4z" fill="currentColor" />],
  notice: <path d="M6 .9 11.1 6 6 11.1.9 6z" {...line} stroke-width="1.4" />,
};

export function StateMark({ state, word }: { state: State; word?: string }) {
  return (
    <span class={`state ${state}`}>
      <Shape state={state} />
      <span>{word ?? STATE_WORDS[state]}</span>
    </span>
  );
}
