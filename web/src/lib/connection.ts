/* connection: whether earshot answers. Everything that asks reports here; when nothing answers, one
 * probe at a time is sent with growing pauses, and `back` counts up when the server is there again,
 * so that pages ask anew. */
import { signal } from '@preact/signals';

export interface Lost {
  readonly since: number; // seconds: the last good answer
  readonly tries: number;
  readonly nextAt: number;
}

export const lost = signal<Lost | null>(null);
export const back = signal(0);
export const lastAnswer = signal(Date.now() / 1000);

const PAUSES_S = [1, 2, 4, 8, 15];
let timer: ReturnType<typeof setTimeout> | undefined;
let probe: () => Promise<boolean> = () => Promise.resolve(true);

/** How to find out whether the server is there; set once at start. */
export function setProbe(f: () => Promise<boolean>): void {
  probe = f;
}

export function reached(): void {
  lastAnswer.value = Date.now() / 1000;
  if (!lost.value) return;
  clearTimeout(timer);
  lost.value = null;
  back.value++;
}

export function missed(): void {
  if (lost.value) return;
  lost.value = { since: lastAnswer.value, tries: 1, nextAt: 0 };
  plan();
}

export function tryNow(): void {
  clearTimeout(timer);
  void attempt();
}

function plan(): void {
  const l = lost.value;
  if (!l) return;
  const pause = PAUSES_S[Math.min(l.tries, PAUSES_S.length) - 1] ?? 15;
  lost.value = { ...l, nextAt: Date.now() / 1000 + pause };
  timer = setTimeout(() => void attempt(), pause * 1000);
}

async function attempt(): Promise<void> {
  if (await probe()) {
    reached();
    return;
  }
  const l = lost.value;
  if (!l) return;
  lost.value = { ...l, tries: l.tries + 1 };
  plan();
}
