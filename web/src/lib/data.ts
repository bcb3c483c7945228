/* data: a hook that asks, keeps what it got, and asks again: when its question changes, every
 * so often, on `r`, and when the server is back. Old data stay until new ones are there. */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { visible } from './clocks';
import { back } from './connection';

export interface Data<T> {
  readonly value: T | undefined;
  readonly error: Error | undefined; // of the latest try
  readonly loading: boolean; // the question changed and its answer is not here yet
}

export const refreshes = signal(0);

/** `key` names the question; `every` in ms, 0 for once. An empty key asks nothing. */
export function useData<T>(key: string, ask: (signal: AbortSignal) => Promise<T>, every: number): Data<T> {
  const [data, setData] = useState<Data<T>>({ value: undefined, error: undefined, loading: true });
  const asker = useRef(ask);
  asker.current = ask;
  const round = refreshes.value + back.value;
  useEffect(() => {
    if (!key) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (): void => {
      if (every && !abort.signal.aborted) timer = setTimeout(() => (visible.value ? void run() : again()), every);
    };
    const run = async (): Promise<void> => {
      try {
        const value = await asker.current(abort.signal);
        if (!abort.signal.aborted) setData({ value, error: undefined, loading: false });
      } catch (e) {
        const error = e instanceof Error ? e : new Error(String(e));
        if (!abort.signal.aborted) setData((d) => ({ ...d, error, loading: false }));
      }
      again();
    };
    setData((d) => ({ ...d, loading: true }));
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, every, round]);
  return data;
}
