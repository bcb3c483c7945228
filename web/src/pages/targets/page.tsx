import { useEffect, useState } from 'preact/hooks';
import { instant, range as askRange } from '../../lib/api';
import { now } from '../../lib/clocks';
import { useData } from '../../lib/data';
import { place, setParams } from '../../lib/place';
import { num, type RangeData } from '../../lib/prom';
import { aligned, parseDuration } from '../../lib/range';
import { onGrid, type Value } from '../../lib/series';
import { active, overview, targets, targetsError } from '../../lib/shared';
import { pageKeys } from '../../lib/ui';
import { count, duration, percent, plural, spelled } from '../../lib/words';
import { Segments } from '../../parts/segments';
import { Dropped } from './dropped';
import { grouped, matching, sorted, toRow, type Filter, type TargetRow } from './rows';
import { historyKey, TargetTable, type History } from './table';

const SPAN = 360; // s
const BARS = 24;

async function askHistory(signal: AbortSignal): Promise<History> {
  const step = SPAN / BARS;
  const span = aligned({ from: now.peek() - SPAN + step, to: now.peek() }, step);
  const map = (data: RangeData): Map<string, readonly Value[]> =>
    new Map(data.result.map((s) => [historyKey(s.metric), onGrid(s.values ?? [], span.from, step, BARS, num)]));
  const [took, up, samples] = await Promise.all([
    askRange('scrape_duration_seconds', span, step, signal),
    askRange('up', span, step, signal),
    instant('scrape_samples_scraped', undefined, signal),
  ]);
  const counts = samples.resultType === 'vector' ? samples.result.map((s) => [historyKey(s.metric), num(s.value?.[1])] as const) : [];
  return { took: map(took), up: map(up), samples: new Map(counts) };
}

/** Everything that is asked for figures, and how it answers. */
export function TargetsPage() {
  const { params } = place.value;
  const filter = (['unwell', 'dropped'] as const).find((f) => f === params['filter']) ?? 'all';
  const words = params['q'] ?? '';
  const history = useData('targets', askHistory, 15_000);
  const rows = sorted(active.value.map(toRow));
  const dropped = targets.value?.droppedTargets ?? [];
  const groups = grouped(matching(rows, filter, words), targets.value?.tunnels ?? []);
  const shown = groups.flatMap((g) => g.rows);
  const picked = usePicked(shown);
  const unwell = rows.filter((r) => r.state !== 'ok').length;
  const choices: { value: Filter; label: string }[] = [
    { value: 'all', label: `All ${rows.length}` },
    { value: 'unwell', label: `Not well ${unwell}` },
    ...(dropped.length ? [{ value: 'dropped' as const, label: `Dropped ${dropped.length}` }] : []),
  ];
  return (
    <>
      <div class="page-head">
        <h1 class="title">{targets.value ? sentence(rows.length, unwell) : targetsError.value ? 'Targets could not be read.' : '\u00a0'}</h1>
        <p class="prose">{targetsError.value && !targets.value ? targetsError.value.message : facts(rows, history.value)}</p>
      </div>
      <div class="tools">
        <Segments label="Which targets" value={filter} choices={choices} onChange={(f) => setParams({ filter: f === 'all' ? null : f }, 'replace')} />
        <input
          class="field filter"
          type="search"
          aria-label="Filter targets"
          placeholder="Filter"
          value={words}
          onInput={(e) => setParams({ q: e.currentTarget.value || null }, 'replace')}
        />
      </div>
      {filter === 'dropped' ? (
        <Dropped list={dropped} words={words} />
      ) : shown.length ? (
        <TargetTable groups={groups} history={history.value} picked={shown[picked]} />
      ) : (
        targets.value && <p class="prose">{rows.length ? 'No target fits this filter.' : 'The configuration names no target yet.'}</p>
      )}
    </>
  );
}

function sentence(all: number, unwell: number): string {
  if (!all) return 'Nothing is watched yet.';
  if (!unwell) return all === 1 ? 'The one target is well.' : all === 2 ? 'Both targets are well.' : `All ${count(all)} are well.`;
  return unwell === all ? `${all === 1 ? 'The one target is' : `All ${spelled(all).toLowerCase()} are`} not well.` : `${count(all - unwell)} of ${count(all)} are well.`;
}

function facts(rows: readonly TargetRow[], history: History | undefined): string {
  const out: string[] = [];
  const samples = rows.reduce((sum, r) => sum + (r.target.lastSamples ?? history?.samples.get(historyKey(r.target.labels)) ?? 0), 0);
  const shortest = Math.min(...rows.map((r) => parseDuration(r.target.scrapeInterval ?? '') ?? Number.POSITIVE_INFINITY));
  if (samples) out.push(`${plural(samples, 'sample')} a round${Number.isFinite(shortest) ? `, the quickest each ${duration(shortest)}` : ''}`);
  const well = rows.filter((r) => r.target.health === 'up');
  if (well.length) out.push(`the slowest answer took ${duration(Math.max(...well.map((r) => r.target.lastScrapeDuration)))}`);
  const cpu = overview.value?.self?.cpu_ratio;
  const collecting = rows.reduce((sum, r) => sum + (r.target.cost?.cpuRatio ?? 0), 0);
  if (collecting) out.push(`collecting costs ${percent(collecting)} of a core${cpu != null && cpu >= collecting ? `, all of earshot ${percent(cpu)}` : ''}`);
  return out.length ? `${out.join('; ')}.` : '';
}

/** Row under j, k and the arrows; Enter opens it. */
function usePicked(shown: readonly TargetRow[]): number {
  const [at, setAt] = useState(-1);
  useEffect(() => {
    pageKeys.value = (key) => {
      const step = key === 'j' || key === 'ArrowDown' ? 1 : key === 'k' || key === 'ArrowUp' ? -1 : 0;
      const rows = document.querySelectorAll<HTMLElement>('tr[data-row]');
      if (step) {
        const next = Math.max(0, Math.min(shown.length - 1, at + step));
        setAt(next);
        rows[next]?.querySelector<HTMLElement>('a.row-link')?.focus();
        return true;
      }
      return false;
    };
    return () => {
      pageKeys.value = null;
    };
  }, [shown.length, at]);
  return at;
}
