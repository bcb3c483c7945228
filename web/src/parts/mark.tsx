import type { Verdict } from '../lib/overview';

const DOT: Readonly<Record<Verdict | 'unknown', string>> = {
  ok: 'var(--ok)',
  warning: 'var(--warn-f)',
  critical: 'var(--crit-f)',
  unknown: 'var(--unk)',
};

/** The wordmark's picture: its dot has the colour of the verdict. */
export function Mark({ verdict, size = 20 }: { verdict: Verdict | 'unknown'; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="5" cy="10" r="2.6" fill={DOT[verdict]} />
      <path
        d="M8.2 5.1a5.9 5.9 0 0 1 0 9.8M11.2 2a9.6 9.6 0 0 1 0 16"
        fill="none"
        stroke="currentColor"
        stroke-width="1.9"
        stroke-linecap="round"
      />
    </svg>
  );
}
