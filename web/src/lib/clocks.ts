/* clocks: the current second as a signal, only while the page is seen. */
import { signal } from '@preact/signals';

export const now = signal(Date.now() / 1000);
export const visible = signal(true);

export function startClock(): void {
  const look = (): void => {
    visible.value = document.visibilityState !== 'hidden';
    if (visible.value) now.value = Date.now() / 1000;
  };
  document.addEventListener('visibilitychange', look);
  setInterval(look, 1000);
  look();
}
