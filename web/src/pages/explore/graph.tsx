import { useEffect, useRef, useState } from 'preact/hooks';
import type { Plot, PlotData } from '../../plot/plot';

import type { Happening } from '../../lib/events';
import { fixed } from '../../lib/range';
import { setParams, setRange } from '../../lib/place';
import { clock, day, duration, plural } from '../../lib/words';
import { stats } from '../../lib/series';
import { theme } from '../../lib/theme';
import { UNIT_WORDS, write, type Unit } from '../../lib/units';
import { pageKeys } from '../../lib/ui';
import { useWidth } from '../../parts/width';
import type { Drawn, Result } from './question';

const HEIGHT = 300;
const HEIGHT_PHONE = 220;

export interface GraphProps {
  readonly result: Result;
  readonly shown: readonly Drawn[]; // folded: at most ten
  readonly others: { readonly name: string; readonly values: readonly (number | null)[] } | undefined;
  readonly stacked: boolean;
  readonly unit: Unit;
  readonly lifted: string | null;
  readonly pinned: number | null; // index
  readonly changes: readonly Happening[];
  readonly onCursor: (index: number | null) => void;
}

function toData(p: GraphProps): PlotData {
  const lines = p.shown.map((l) => ({ key: l.key, name: l.name, colour: l.colour, dashed: false, values: l.values }));
  const ordered = lines.map((l, i) => ({ ...l, dashed: i % 2 === 1 }));
  const rest = p.others ? [{ key: 'others', name: p.others.name, colour: -1, dashed: false, values: p.others.values }] : [];
  return {
    times: p.result.times,
    lines: [...ordered, ...rest],
    stacked: p.stacked,
    zero: p.unit !== 'celsius' && p.unit !== 'moment',
    step: p.result.step,
    marks: p.changes.map((e) => ({ at: e.start, text: e.text })),
  };
}

function tick(ts: number, every: number): string {
  if (every >= 86_400) return day(ts);
  if (every < 60) return clock(ts, true);
  return clock(ts) === '00:00' ? day(ts) : clock(ts);
}

export function Graph(props: GraphProps) {
  const { result, shown, unit } = props;
  const [box, width] = useWidth<HTMLDivElement>();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [failed, setFailed] = useState(false);
  const latest = useRef(props);
  latest.current = props;
  const height = width && width < 560 ? HEIGHT_PHONE : HEIGHT;
  const zoom = (from: number, to: number): void => {
    const least = Math.max(1, latest.current.result.step / 60);
    if (to - from >= least) setRange(fixed(Math.round(from), Math.max(Math.round(from) + 1, Math.round(to))));
  };

  useEffect(() => {
    if (!width || plot.current) return undefined;
    let gone = false;
    import('../../plot/plot').then(
      ({ mount }) => {
        if (gone || !host.current || plot.current) return;
        plot.current = mount(
          host.current,
          { width, height },
          {
            value: (n) => write(n, latest.current.unit),
            time: (ts) => `${day(ts)}, ${clock(ts, true)}`,
            tick,
            length: duration,
          },
          {
            onZoom: zoom,
            onBack: () => history.back(),
            onCursor: (i) => latest.current.onCursor(i),
            onPin: (ts) => setParams({ at: String(Math.round(ts)) }, 'replace'),
          },
        );
        plot.current.set(toData(latest.current));
      },
      () => setFailed(true),
    );
    return () => {
      gone = true;
    };
  }, [width > 0]);
  useEffect(() => () => plot.current?.destroy(), []);
  useEffect(() => plot.current?.set(toData(props)), [result, shown, props.others, props.stacked, unit, props.changes]);
  useEffect(() => plot.current?.resize(width, height), [width, height]);
  useEffect(() => plot.current?.lift(props.lifted), [props.lifted]);
  useEffect(() => plot.current?.cursor(props.pinned), [props.pinned, result]);
  useEffect(() => theme.subscribe(() => requestAnimationFrame(() => plot.current?.redraw())), []);
  useKeys(latest);

  return (
    <section class="card graph-card" data-test="graph">
      <figure aria-labelledby="graph-caption">
        <div class="card-head">
          <h2 id="graph-caption" title={result.expr}>
            {title(result)}
          </h2>
          <span class="note">{UNIT_WORDS[unit]}</span>
          <span class="end note desk-only">drag to zoom, double click to go back</span>
        </div>
        <p class="vh">{summary(result, shown, unit)}</p>
        <div ref={box} class="chart plot" style={{ height: `${height}px` }}>
          <div ref={host} aria-hidden="true" />
        </div>
        {failed && <p class="prose">The drawing part of the page could not be loaded; the table holds the same figures.</p>}
      </figure>
    </section>
  );
}

/** What is drawn, in few words. */
function title(result: Result): string {
  const flat = result.expr.replace(/\s+/g, ' ').trim();
  return flat.length > 200 ? `${flat.slice(0, 198)}\u2026` : flat;
}

function summary(result: Result, shown: readonly Drawn[], unit: Unit): string {
  const words = shown.map((l) => {
    const s = stats(l.values);
    return s ? `${l.name}: min ${write(s.min, unit)}, max ${write(s.max, unit)}, last ${write(s.last, unit)}` : `${l.name}: no data`;
  });
  return `${plural(result.lines.length, 'series', 'series')}. ${words.join('; ')}. The table view holds the figures.`;
}

/** Left and Right move the playhead (Shift: ten steps). */
function useKeys(latest: { readonly current: GraphProps }): void {
  useEffect(() => {
    pageKeys.value = (key) => {
      const m = /^(Shift\+)?Arrow(Left|Right)$/.exec(key);
      if (!m) return false;
      const { result, pinned } = latest.current;
      const by = (m[1] ? 10 : 1) * (m[2] === 'Left' ? -1 : 1);
      const at = Math.max(0, Math.min(result.times.length - 1, (pinned ?? result.times.length) + by));
      const ts = result.times[at];
      if (ts !== undefined) setParams({ at: String(ts) }, 'replace');
      return true;
    };
    return () => {
      pageKeys.value = null;
    };
  }, []);
}

