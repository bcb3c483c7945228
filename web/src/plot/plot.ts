/* plot: one time series chart (uPlot). Plain DOM, a lazy chunk; nothing here imports the page but
 * types. Y labels lie inside the plot above their line, so that all plots of a page share edges. */
import uPlot from 'uplot';
import { drawGaps, drawLabels } from './draw';
import { drawMarks, type Mark } from './marks';
import { touches } from './touch';
import { Tooltip, type Entry } from './tooltip';

type Value = number | null;

export interface PlotLine {
  readonly key: string;
  readonly name: string;
  readonly colour: number; // index; -1: grey
  readonly dashed: boolean;
  readonly values: readonly Value[];
}
export interface PlotData {
  readonly times: readonly number[];
  readonly lines: readonly PlotLine[];
  readonly stacked: boolean;
  readonly zero: boolean; // y starts at 0
  readonly step: number;
  readonly marks: readonly Mark[];
}
export interface PlotWords {
  readonly value: (n: number) => string;
  readonly time: (ts: number) => string; // in the tooltip
  readonly tick: (ts: number, every: number) => string; // on the axis
  readonly length: (seconds: number) => string;
}
export interface PlotEvents {
  readonly onZoom: (from: number, to: number) => void;
  readonly onBack: () => void;
  readonly onCursor: (index: number | null) => void;
  readonly onPin: (ts: number) => void;
}
export interface Plot {
  set(data: PlotData): void;
  lift(key: string | null): void;
  cursor(index: number | null): void;
  redraw(): void;
  resize(width: number, height: number): void;
  destroy(): void;
}

const WIDTH = 1.5;
const LIFTED = 2.25;
const OTHERS_ALPHA = 0.35;
const DASH_FROM = 7; // lines in a chart

const token = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const colourOf = (line: PlotLine): string => (line.colour < 0 ? token('unk') : token(`s${line.colour}`));

export function mount(host: HTMLElement, size: { width: number; height: number }, words: PlotWords, events: PlotEvents): Plot {
  let data: PlotData = { times: [], lines: [], stacked: false, zero: true, step: 1, marks: [] };
  let colours: string[] = [];
  let grid = '';
  let chart: uPlot | undefined;
  let { width, height } = size;
  let lifted: string | null = null;
  let hovering = false;
  const tip = new Tooltip(host);

  const readTokens = (): void => {
    colours = data.lines.map(colourOf);
    grid = token('grid');
  };

  const onCursor = (u: uPlot): void => {
    const i = u.cursor.idx;
    events.onCursor(hovering && i != null ? i : null);
    const t = i == null ? undefined : data.times[i];
    if (!hovering || i == null || t === undefined) return tip.hide();
    const y = u.cursor.top ?? 0;
    const at = u.posToVal(y, 'y');
    const shown = data.lines.map((line, k) => ({ line, k, value: line.values[i], drawn: u.data[k + 1]?.[i] }));
    const seen = shown.filter((s): s is typeof s & { value: number } => typeof s.value === 'number');
    if (!seen.length) return tip.hide();
    const distance = (s: (typeof seen)[number]): number => Math.abs((s.drawn ?? s.value) - at);
    const nearest = seen.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    const entries: Entry[] = seen.map((s) => ({
      name: s.line.name,
      colour: colours[s.k] ?? '',
      value: s.value,
      text: words.value(s.value),
      nearest: s === nearest,
    }));
    return tip.show(words.time(t), entries, u.valToPos(t, 'x'), y, u.over.clientWidth, u.over.clientHeight);
  };

  const make = (): void => {
    chart?.destroy();
    readTokens();
    chart = new uPlot(options(), aligned(data), host);
    watch(chart);
    applyLift();
  };

  const options = (): uPlot.Options => ({
    width,
    height,
    legend: { show: false },
    focus: { alpha: OTHERS_ALPHA },
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 5 },
      points: { size: 6, width: 0, fill: (_u, k) => colours[k - 1] ?? grid, stroke: () => token('panel') },
      bind: {
        dblclick: () => () => {
          events.onBack();
          return null;
        },
      },
    },
    scales: {
      x: { time: true, range: (_u, min, max) => [min, max] },
      y: { range: (_u, min, max) => yRange(min, max, data.zero) },
    },
    axes: [
      {
        size: 26,
        gap: 6,
        space: 90,
        font: `500 11px ${token('sans')}`,
        stroke: () => token('text3'),
        grid: { stroke: () => grid, width: 1 },
        ticks: { show: false },
        incrs: TICKS,
        splits: localSplits,
        values: (_u, splits, _axis, _space, every) => splits.map((s) => words.tick(s, every)),
      },
      { size: 0, space: 52, grid: { stroke: () => grid, width: 1 }, ticks: { show: false }, values: () => [] },
    ],
    series: [{}, ...data.lines.map((line, k) => seriesOf(line, k))],
    bands: data.stacked ? data.lines.slice(1).map((_, k) => ({ series: [k + 2, k + 1] as [number, number] })) : [],
    padding: [20, 0, 0, 0], // room for the words of marks
    hooks: {
      setCursor: [onCursor],
      setSelect: [
        (u) => {
          const { left, width: w } = u.select;
          if (w < 5) return;
          events.onZoom(u.posToVal(left, 'x'), u.posToVal(left + w, 'x'));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      drawClear: [(u) => drawGaps(u, data, words, token)],
      draw: [(u) => drawLabels(u, words, token), (u) => drawMarks(u, data.marks, token)],
    },
  });

  const seriesOf = (line: PlotLine, k: number): uPlot.Series => {
    const alpha = data.stacked ? 0x57 : data.lines.length === 1 ? 0x1f : 0; // 34 %, 12 %, none
    return {
      label: line.name,
      width: WIDTH,
      points: { show: false },
      spanGaps: false,
      stroke: () => colours[k] ?? '',
      ...(alpha ? { fill: () => `${colours[k] ?? ''}${alpha.toString(16).padStart(2, '0')}` } : {}),
      ...(line.dashed && data.lines.length >= DASH_FROM ? { dash: [6, 3] } : {}),
    };
  };

  const applyLift = (): void => {
    if (!chart) return;
    const at = data.lines.findIndex((l) => l.key === lifted);
    chart.series.forEach((s, k) => {
      if (k) s.width = k - 1 === at ? LIFTED : WIDTH;
    });
    chart.setSeries(at < 0 ? null : at + 1, { focus: true });
    chart.redraw(false);
  };

  const watch = (u: uPlot): void => {
    u.over.addEventListener('mouseenter', () => (hovering = true));
    u.over.addEventListener('mouseleave', () => {
      hovering = false;
      tip.hide();
      events.onCursor(null);
    });
    u.over.addEventListener('click', () => {
      const t = data.times[u.cursor.idx ?? -1];
      if (t !== undefined && u.select.width < 5) events.onPin(t);
    });
    u.over.addEventListener('wheel', (e) => onWheel(u, e), { passive: false });
    touches(u, {
      onMove: (x) => {
        hovering = true;
        u.setCursor({ left: x, top: u.over.clientHeight / 2 });
      },
      onPinch: events.onZoom,
    });
  };

  const onWheel = (u: uPlot, e: WheelEvent): void => {
    if (!e.ctrlKey && !e.metaKey) return; // the wheel alone scrolls the page
    e.preventDefault();
    const { min = 0, max = 0 } = u.scales['x'] ?? {};
    const at = u.posToVal(e.clientX - u.over.getBoundingClientRect().left, 'x');
    const factor = e.deltaY < 0 ? 0.7 : 1 / 0.7;
    events.onZoom(at - (at - min) * factor, at + (max - at) * factor);
  };

  return {
    set(next) {
      const same =
        chart && next.stacked === data.stacked && next.zero === data.zero && next.lines.map((l) => l.key + l.colour).join() === data.lines.map((l) => l.key + l.colour).join();
      data = next;
      if (same) chart?.setData(aligned(data));
      else make();
    },
    lift(key) {
      if (lifted === key) return;
      lifted = key;
      applyLift();
    },
    cursor(index) {
      const t = index === null ? undefined : data.times[index];
      if (!chart) return;
      chart.setCursor(t === undefined ? { left: -10, top: -10 } : { left: chart.valToPos(t, 'x'), top: 0 }, false);
    },
    redraw() {
      readTokens();
      chart?.redraw();
    },
    resize(w, h) {
      width = w;
      height = h;
      chart?.setSize({ width, height });
    },
    destroy() {
      chart?.destroy();
    },
  };
}

const TICKS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000];

const LABEL_HALF = 24; // px

/** Ticks on local hours and midnights. */
function localSplits(u: uPlot, _axis: number, min: number, max: number, every: number): number[] {
  const out: number[] = [];
  const zone = new Date(min * 1000).getTimezoneOffset() * 60;
  const room = ((max - min) * LABEL_HALF) / (u.over.clientWidth || 1000); // at the very edge it would be cut
  for (let t = Math.ceil((min - zone) / every) * every + zone; t <= max; t += every) if (t > min + room && t < max - room) out.push(t);
  return out;
}

function yRange(min: number | null, max: number | null, zero: boolean): [number, number] {
  if (min == null || max == null) return [0, 1];
  const low = zero ? Math.min(0, min) : min;
  const high = zero ? Math.max(0, max) : max;
  const room = (high - low || Math.abs(high) || 1) * 0.1;
  return [low < 0 || !zero ? low - room : low, high + room];
}

function aligned(data: PlotData): uPlot.AlignedData {
  const times = [...data.times];
  if (!data.stacked) return [times, ...data.lines.map((l) => [...l.values])];
  const empty = times.map((_, i) => data.lines.every((l) => l.values[i] == null));
  const sum = new Array<number>(times.length).fill(0);
  return [
    times,
    ...data.lines.map((l) =>
      times.map((_, i) => {
        sum[i] = (sum[i] ?? 0) + (l.values[i] ?? 0);
        return empty[i] ? null : (sum[i] ?? 0);
      }),
    ),
  ];
}
