import { useMemo, useRef, useState } from 'preact/hooks';
import type { Editor } from '../../editor/editor';
import { useData } from '../../lib/data';
import { askEvents, changesIn, lanesOf, type Happened as Told } from '../../lib/events';
import { live, place, range, setParams } from '../../lib/place';
import { guessUnit, type Unit } from '../../lib/units';
import { count, duration, plural } from '../../lib/words';
import { refreshes } from '../../lib/data';
import { ApiError } from '../../lib/api';
import { niceStep, resolve } from '../../lib/range';
import { Note } from '../../parts/note';
import { Browser } from './browser';
import { EditorBox } from './editor';
import { Empty } from './empty';
import { Failed } from './failed';
import { Graph } from './graph';
import { Happened } from './happened';
import { ask, mistake, picture, type Result } from './question';
import { isShown, kind, view } from './state';
import { SeriesTable } from './table';
import { Tools } from './tools';
import { Start } from './start';

const POINTS = 300;
const LIVE_MIN_MS = 1000;
const LIVE_MAX_MS = 60_000;
const NOTHING: Told = { changes: [], jobs: [], jobsFrom: null };
const JOBS_MOST = 5000;

/** Any question to the store, as a graph and a table. */
export function ExplorePage() {
  const expr = place.value.params['expr'] ?? '';
  const [draft, setDraft] = useState(expr);
  const known = useRef(expr);
  const editor = useRef<Editor | null>(null);
  if (known.current !== expr) {
    known.current = expr; // Back, a link, the browser of metrics: the editor follows the URL
    setDraft(expr);
  }
  const r = range.value;
  const step = niceStep(resolve(r, 0), POINTS);
  const every = live.value ? Math.min(LIVE_MAX_MS, Math.max(LIVE_MIN_MS, step * 1000)) : 0;
  const data = useData(expr ? JSON.stringify([expr, r]) : '', (signal) => ask(expr, r, POINTS, signal), every);
  const run = (text = draft): void => {
    const next = text.trim();
    if (next === expr) refreshes.value++;
    else setParams({ expr: next || null, only: null, hide: null, at: null });
  };
  const wrong = data.error instanceof ApiError && draft.trim() === expr ? mistake(data.error.message) : undefined;
  return (
    <div class="explore">
      <h1 class="vh">Explore</h1>
      <Browser
        onAsk={run}
        onInsert={(text) => {
          if (editor.current) editor.current.insert(text);
          else setDraft(draft + text);
        }}
      />
      <div class="explore-main">
        <div class={`ask ${wrong ? 'wrong' : ''}`}>
          <EditorBox text={draft} asked={expr} onChange={setDraft} onRun={() => run()} wrong={wrong} handle={editor} />
          <div class="ask-end">
            <span class="small quiet desk-only">{data.value && data.value.expr === expr && !data.error ? cost(data.value) : ''}</span>
            <button type="button" class="button primary" onClick={() => run()} data-test="run">
              Run <kbd class="desk-only">Ctrl {'\u21b5'}</kbd>
            </button>
          </div>
        </div>
        {!expr && <Start onAsk={run} />}
        {expr && data.error && <Failed error={data.error} expr={expr} />}
        {expr && !data.error && !data.value && <section class="card"><Note data={data} what="The answer" height={300} /></section>}
        {expr && data.value && !(data.error && data.value.expr !== expr) && <Answer result={data.value} old={data.loading && data.value.expr !== expr} onAsk={run} />}
      </div>
    </div>
  );
}

function cost(result: Result): string {
  return `${plural(result.lines.length, 'series', 'series')}, ${plural(result.times.length - 1, 'step')}, ${duration(result.took)}`;
}

/** By the expression; where that names no metric, by the one name the answer has. */
function unitOf(result: Result): Unit {
  const guessed = guessUnit(result.expr);
  const names = new Set(result.lines.map((l) => l.labels['__name__']));
  const [only] = names;
  return guessed === 'none' && names.size === 1 && only ? guessUnit(only) : guessed;
}

function Answer({ result, old, onAsk }: { result: Result; old: boolean; onAsk: (expr: string) => void }) {
  const [hover, setHover] = useState<number | null>(null);
  const [lifted, setLifted] = useState<string | null>(null);
  const { from, to } = result.span;
  const happened = useData(`${from} ${to}`, (signal) => askEvents(result.span, JOBS_MOST, signal), 0).value ?? NOTHING;
  const changes = useMemo(() => changesIn(happened.changes, result.span), [happened, from, to]);
  if (!result.lines.length) return <Empty result={result} onAsk={onAsk} />;
  const stacked = kind() === 'stacked';
  const v = view();
  const unit = unitOf(result);
  const visible = result.lines.filter((l) => isShown(l.key));
  const { shown, rest, others } = picture(result.lines, visible, stacked);
  const fold = rest ? { name: `others (${count(rest)}), ${stacked ? 'sum' : 'mean'}`, values: others } : undefined;
  const at = Number(place.value.params['at']);
  const index = at ? Math.round((at - result.span.from) / result.step) : -1;
  const pinned = index >= 0 && index < result.times.length ? index : null;
  const services = new Set(result.lines.map((l) => l.labels['job'] ?? '').filter(Boolean));
  const lanes = lanesOf(happened.jobs, result.span, services);
  return (
    <div class={`answer ${old ? 'old' : ''}`}>
      <Tools />
      {result.warnings.map((w) => (
        <p key={w} class="small prose">
          {w}
        </p>
      ))}
      {v !== 'table' && (
        <Graph result={result} shown={shown} others={fold} stacked={stacked} unit={unit} lifted={lifted} pinned={pinned} changes={changes} onCursor={setHover} />
      )}
      {v !== 'table' && <Happened changes={changes} lanes={lanes} jobsFrom={happened.jobsFrom} span={result.span} />}
      {fold && v !== 'table' && <p class="small quiet">The 9 largest are drawn; {fold.name} is the grey line.</p>}
      {(v !== 'graph' || result.lines.length > 1) && (
        <SeriesTable result={result} unit={unit} at={hover ?? pinned} drawn={new Map(shown.map((l) => [l.key, l.colour]))} onLift={setLifted} />
      )}
    </div>
  );
}
