import type { Data } from '../lib/data';

/** What stands where data should be: the sweep while waiting, the reason when there is none. */
export function Note({ data, what, height = 80 }: { data: Data<unknown>; what: string; height?: number }) {
  if (data.error)
    return (
      <p class="prose">
        {what} could not be read. <span class="quiet break">{data.error.message}</span>
      </p>
    );
  return <div class="sweep" style={{ height: `${height}px` }} role="status" aria-label={`${what}: loading`} />;
}
