/* shared: what several pages and the frame show at once, asked for in one place. */
import { computed, effect, signal } from '@preact/signals';
import { get, own } from './api';
import { visible } from './clocks';
import { back, lost } from './connection';
import { refreshes } from './data';
import type { Overview } from './overview';
import { live } from './place';
import type { Target, Targets } from './prom';

export const overview = signal<Overview | undefined>(undefined);
export const overviewError = signal<Error | undefined>(undefined);
export const targets = signal<Targets | undefined>(undefined);
export const targetsError = signal<Error | undefined>(undefined);

export const active = computed<readonly Target[]>(() => targets.value?.activeTargets ?? []);
export const down = computed(() => active.value.filter((t) => t.health === 'down').length);

const OVERVIEW_LIVE_MS = 1000;
const SLOW_MS = 10_000;
const TARGETS_MS = 5000;

function loop(ask: () => Promise<void>, pause: () => number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let underWay = false;
  const run = async (): Promise<void> => {
    clearTimeout(timer);
    if (underWay) return;
    underWay = true;
    if (visible.peek() && !lost.peek()) await ask();
    underWay = false;
    timer = setTimeout(() => void run(), pause());
  };
  return () => void run();
}

const askOverview = loop(
  async () => {
    try {
      overview.value = await own<Overview>('overview');
      overviewError.value = undefined;
    } catch (e) {
      overviewError.value = e as Error;
    }
  },
  () => (live.peek() && !overviewError.peek() ? OVERVIEW_LIVE_MS : SLOW_MS),
);

const askTargets = loop(
  async () => {
    try {
      targets.value = await get<Targets>('targets');
      targetsError.value = undefined;
    } catch (e) {
      targetsError.value = e as Error;
    }
  },
  () => TARGETS_MS,
);

export function startShared(): void {
  effect(() => {
    if (refreshes.value + back.value >= 0 && visible.value) {
      askOverview();
      askTargets();
    }
  });
}
