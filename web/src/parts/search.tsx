import { useEffect, useRef, useState } from 'preact/hooks';
import { get } from '../lib/api';
import { go, PAGES } from '../lib/place';
import { active } from '../lib/shared';
import { over } from '../lib/ui';
import { quoted } from '../lib/prom';
import { Dialog } from './dialog';

interface Hit {
  readonly text: string;
  readonly what: string;
  readonly open: () => void;
}
const MOST = 40;

/** Pages, targets and metrics by any part of their name. */
function hits(words: string, metrics: readonly string[]): Hit[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (text: string): boolean => parts.every((p) => text.toLowerCase().includes(p));
  const pages = PAGES.filter((p) => fits(p.title)).map((p) => ({ text: p.title, what: 'page', open: () => go(p.page) }));
  const targets = active.value
    .map((t) => ({ job: t.labels['job'] ?? '', instance: t.labels['instance'] ?? '' }))
    .filter((t) => parts.length && fits(`${t.job} ${t.instance}`))
    .slice(0, 10)
    .map((t) => ({
      text: `${t.job} ${t.instance}`,
      what: 'target',
      open: () => go('explore', { expr: `up{job=${quoted(t.job)},instance=${quoted(t.instance)}}` }),
    }));
  const rank = (m: string): number => (m.toLowerCase().startsWith(parts[0] ?? '') ? 0 : 1000) + m.length;
  const names = metrics
    .filter((m) => parts.length && fits(m))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MOST)
    .map((m) => ({ text: m, what: 'metric', open: () => go('explore', { expr: m }) }));
  return [...pages, ...targets, ...names];
}

export function Search() {
  const [words, setWords] = useState('');
  const [metrics, setMetrics] = useState<readonly string[]>([]);
  const [why, setWhy] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    get<string[]>('label/__name__/values').then(setMetrics, (e: unknown) => setWhy(e instanceof Error ? e.message : String(e)));
  }, []);
  const found = hits(words, metrics);
  const here = Math.min(at, found.length - 1);
  const close = (): void => {
    over.value = null;
  };
  const open = (hit: Hit | undefined): void => {
    close();
    hit?.open();
  };
  const onKey = (e: KeyboardEvent): void => {
    const step = e.key === 'ArrowDown' ? 1 : e.key === 'ArrowUp' ? -1 : 0;
    if (step) setAt(Math.max(0, Math.min(found.length - 1, here + step)));
    else if (e.key === 'Enter') open(found[here]);
    else if (e.key === 'Escape') close(); // a search field would only clear itself
    else return;
    e.preventDefault();
  };
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [here]);
  return (
    <Dialog title="Search" onClose={close} bare>
      <input
        class="field"
        type="search"
        autofocus
        role="combobox"
        list={undefined}
        aria-expanded="true"
        aria-controls="hits"
        aria-activedescendant={found.length ? `hit-${here}` : undefined}
        aria-label="Search metrics, targets, pages"
        placeholder="Metric, target or page"
        value={words}
        onInput={(e) => {
          setWords(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <div class="hits" id="hits" role="listbox" aria-label="Found" ref={list}>
        {found.map((hit, i) => (
          <div key={hit.what + hit.text} id={`hit-${i}`} role="option" aria-selected={i === here} onClick={() => open(hit)}>
            <span class={hit.what === 'page' ? '' : 'mono break'}>{hit.text}</span>
            <span class="what">{hit.what}</span>
          </div>
        ))}
      </div>
      {why ? <p class="prose form-row">The metrics cannot be listed: {why}</p> : !found.length && <p class="prose form-row">Nothing of that name.</p>}
    </Dialog>
  );
}
