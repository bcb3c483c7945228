import { useState } from 'preact/hooks';
import { now } from '../lib/clocks';
import { range, setRange } from '../lib/place';
import { fixed, last, parseDuration, parseMoment, PRESETS, resolve } from '../lib/range';
import { over } from '../lib/ui';
import { shortDuration } from '../lib/words';
import { Dialog } from './dialog';
import { Segments } from './segments';

/** As <input type="datetime-local"> wants it: local, without zone. */
function local(ts: number): string {
  const d = new Date(ts * 1000);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

export function RangeDialog() {
  const span = resolve(range.value, now.peek());
  const [from, setFrom] = useState(local(span.from));
  const [to, setTo] = useState(local(span.to));
  const [length, setLength] = useState(range.value.kind === 'last' ? shortDuration(range.value.seconds) : '');
  const [wrong, setWrong] = useState('');
  const close = (): void => {
    over.value = null;
  };
  const useLength = (e: Event): void => {
    e.preventDefault();
    const seconds = parseDuration(length.trim());
    if (!seconds) return setWrong(`"${length}" is no length of time. Write 45m, 2h or 30d.`);
    setRange(last(seconds));
    close();
  };
  const useMoments = (e: Event): void => {
    e.preventDefault();
    const a = parseMoment(from);
    const b = parseMoment(to);
    if (a === undefined || b === undefined || a >= b) return setWrong('The first moment must come before the second.');
    setRange(fixed(a, b));
    close();
  };
  return (
    <Dialog title="Time range" onClose={close}>
      <Segments
        label="Last"
        value={range.value.kind === 'last' ? String(range.value.seconds) : undefined}
        choices={PRESETS.map((p) => ({ value: String(p.seconds), label: p.label }))}
        onChange={(v) => {
          setRange(last(Number(v)));
          close();
        }}
      />
      <form class="form-row" onSubmit={useLength}>
        <label for="range-last">Last</label>
        <input id="range-last" class="field" style={{ width: '120px' }} value={length} placeholder="45m" onInput={(e) => setLength(e.currentTarget.value)} />
        <button type="submit" class="button">
          Show
        </button>
      </form>
      <form class="form-row" onSubmit={useMoments}>
        <label for="range-from">From</label>
        <input id="range-from" class="field" style={{ width: '240px' }} type="datetime-local" step="1" value={from} onInput={(e) => setFrom(e.currentTarget.value)} />
        <label for="range-to">to</label>
        <input id="range-to" class="field" style={{ width: '240px' }} type="datetime-local" step="1" value={to} onInput={(e) => setTo(e.currentTarget.value)} />
        <button type="submit" class="button">
          Show
        </button>
      </form>
      <p class="form-row state critical" role="alert">
        {wrong}
      </p>
    </Dialog>
  );
}
