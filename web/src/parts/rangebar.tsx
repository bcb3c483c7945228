import { live, place, range, setRange, toggleLive } from '../lib/place';
import { last, PRESETS } from '../lib/range';
import { now } from '../lib/clocks';
import { over } from '../lib/ui';
import { shortDuration, when } from '../lib/words';
import { Segments } from './segments';

const CHOICES = PRESETS.map((p) => ({ value: String(p.seconds), label: p.label }));

/** Presets, and the present range in words when it is none of them. */
export function RangeBar() {
  const r = range.value;
  const preset = r.kind === 'last' ? String(r.seconds) : '';
  const known = CHOICES.some((c) => c.value === preset);
  const words = r.kind === 'last' ? `last ${shortDuration(r.seconds)}` : `${when(r.from, now.value)} to ${when(r.to, now.value)}`;
  return (
    <>
      {!known && (
        <button type="button" class="button" onClick={() => (over.value = 'range')}>
          {words}
        </button>
      )}
      <Segments label="Time range" value={preset} choices={CHOICES} onChange={(v) => setRange(last(Number(v)))} class="range" />
    </>
  );
}

export function LiveButton() {
  const on = live.value;
  return (
    <button type="button" class="button" aria-pressed={on} onClick={toggleLive} data-test="live" key={place.value.page}>
      <span class={`dot ${on ? 'on' : ''}`} aria-hidden="true" />
      Live
    </button>
  );
}
