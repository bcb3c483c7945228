/* live: values as they are stored, by server-sent events; where a server has no such stream, the
 * same queries are asked every second. */
import { instant, url } from './api';
import { visible } from './clocks';
import { lost, missed, reached } from './connection';
import type { InstantData } from './prom';

export type OnValue = (query: number, data: InstantData) => void;

const POLL_MS = 1000;
interface Event_ { readonly query?: number; readonly status?: string; readonly data?: InstantData }

/** Follows the queries until the returned function is called. */
export function follow(queries: readonly string[], onValue: OnValue): () => void {
  let stop = stream(queries, onValue, () => {
    stop = poll(queries, onValue);
  });
  return () => stop();
}

function stream(queries: readonly string[], onValue: OnValue, refused: () => void): () => void {
  const source = new EventSource(url('api/earshot/v1/stream', { query: queries }));
  source.onmessage = (message: MessageEvent<string>) => {
    reached();
    const event = JSON.parse(message.data) as Event_;
    if (event.status === 'success' && event.data && event.query !== undefined) onValue(event.query, event.data);
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) refused(); // answered, but not with a stream
    else missed(); // it tries again by itself
  };
  return () => source.close();
}

function poll(queries: readonly string[], onValue: OnValue): () => void {
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const round = async (): Promise<void> => {
    if (visible.value && !lost.value)
      await Promise.all(
        queries.map(async (query, i) => {
          try {
            const data = await instant(query);
            if (!ended) onValue(i, data);
          } catch {
            /* counted by connection; a query that errs has no value */
          }
        }),
      );
    if (!ended) timer = setTimeout(() => void round(), POLL_MS);
  };
  void round();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
