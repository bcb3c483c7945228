import { useEffect, useRef, useState } from 'preact/hooks';
import { own, tell } from '../../lib/api';
import { refreshes, useData } from '../../lib/data';
import { place } from '../../lib/place';
import { pageKeys } from '../../lib/ui';
import { plural } from '../../lib/words';
import { Dialog } from '../../parts/dialog';
import { FoundTable } from './table';
import { LeftAlone, Picked, TellWhom } from './side';
import { headline, lookedAt, said, summary, type Plan, type Written } from './plan';

const take = (ids: readonly string[]): Record<string, readonly string[]> => ({ take: ids });

/** What runs on this host, and one key to have it watched. */
export function DiscoverPage() {
  const plan = useData('discover', (s) => own<Plan>('discover', s), 0);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set()); // unticked
  const [at, setShownAt] = useState(0);
  const here = useRef(0); // at once, also for keys that come before the page is drawn again
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState('');
  const [failed, setFailed] = useState('');
  const written = useData('written', (s) => own<Written>('discover/undo', s), 0).value?.entries ?? [];
  const [undo, setUndo] = useState(false); // what it would take out is shown
  const [text, setText] = useState<string | null>(null);
  const found = plan.value?.found ?? [];
  const fresh = found.filter((f) => f.state === 'new');
  const taken = fresh.filter((f) => !left.has(f.id)).map((f) => f.id);
  const picked = found[Math.min(at, found.length - 1)];

  const setAt = (next: number): void => {
    here.current = next;
    setShownAt(next);
  };
  const toggle = (id: string): void => {
    if (!fresh.some((f) => f.id === id)) return;
    const next = new Set(left);
    if (!next.delete(id)) next.add(id);
    setLeft(next);
  };
  const change = async (path: string, ids: readonly string[]): Promise<void> => {
    setBusy(true);
    setFailed('');
    try {
      const answer = await tell<Written>(path, take(ids));
      if (answer.error) setFailed(said(answer));
      setTold(answer.error ? '' : said(answer));
      setUndo(false);
      refreshes.value++;
    } catch (e) {
      setFailed(e instanceof Error ? e.message : String(e));
    }
    setBusy(false);
  };
  const accept = (): void => {
    if (taken.length && !busy) void change('discover', taken);
  };
  const fileText = async (): Promise<string> => {
    const { text = '', refused } = await own<Plan>('discover', undefined, take(taken));
    if (refused) throw new Error(refused);
    return text;
  };
  const show = (): void => {
    fileText().then(setText, (e: unknown) => setFailed(e instanceof Error ? e.message : String(e)));
  };
  const copy = (): void => {
    fileText()
      .then((t) => navigator.clipboard.writeText(t))
      .then(
        () => setTold('Copied.'),
        () => setFailed('The browser does not let this page copy; press d to see the file.'),
      );
  };

  useEffect(() => {
    pageKeys.value = (key) => {
      const step = key === 'j' || key === 'ArrowDown' ? 1 : key === 'k' || key === 'ArrowUp' ? -1 : 0;
      const onControl = document.activeElement instanceof HTMLElement && /^(BUTTON|A|SUMMARY)$/.test(document.activeElement.tagName);
      if (step) {
        const next = Math.max(0, Math.min(found.length - 1, here.current + step));
        setAt(next);
        document.querySelectorAll('tr[data-row]')[next]?.scrollIntoView({ block: 'nearest' });
      } else if (key === ' ' && !onControl) toggle(found[here.current]?.id ?? '');
      else if (key === 'Enter' && !onControl) accept();
      else if (key === 'd') show();
      else return false;
      return true;
    };
    return () => {
      pageKeys.value = null;
    };
  });

  const { value, error } = plan;
  return (
    <>
      <div class="found-head">
        <div>
          <h1 class="verdict-like">{value ? headline(value) : error ? 'This host could not be looked at.' : 'Looking at what runs here.'}</h1>
          <p class="lead" role="status">
            {value ? summary(value) : error ? error.message : '\u00a0'}
          </p>
        </div>
        {value && (
          <div class="found-actions">
            <button type="button" class="button tall" onClick={copy}>
              Copy as <code>earshot.yml</code>
            </button>
            <button type="button" class="button primary tall" disabled={!taken.length || busy} onClick={accept}>
              {busy ? 'Writing' : 'Accept the plan'} <kbd aria-hidden="true">↵</kbd>
            </button>
          </div>
        )}
      </div>
      {(told || failed || value?.refused) && (
        <p class={`found-told ${failed || !told ? 'bad' : ''}`} role={failed || !told ? 'alert' : 'status'}>
          {failed || told || value?.refused}
        </p>
      )}
      {value && (
        <>
          <div class="found-grid">
            <FoundTable found={found} left={left} at={at} onPick={setAt} onToggle={toggle} />
            <div class="found-side">
              {picked && <Picked found={picked} />}
              <LeftAlone plan={value} />
              <TellWhom />
              {written.length > 0 && (
                <section class="card" data-test="written">
                  <div class="card-head">
                    <h2>Written from here</h2>
                  </div>
                  <p class="small prose break">
                    {plural(written.length, 'entry', 'entries')} of {value.file}, as they were written.
                  </p>
                  <button type="button" class="button found-gap" onClick={() => setUndo(true)}>
                    Undo
                  </button>
                </section>
              )}
            </div>
          </div>
          <p class="found-keys small quiet">
            <span>{lookedAt(value)}</span>
            <span class="desk-only">
              <kbd>↑</kbd> <kbd>↓</kbd> choose <kbd>Space</kbd> take or leave <kbd>↵</kbd> accept <kbd>d</kbd> show the file that would be written
            </span>
          </p>
        </>
      )}
      {undo && (
        <Dialog title={`Take ${plural(written.length, 'entry', 'entries')} out again?`} onClose={() => setUndo(false)}>
          <p class="small prose break">Of {value?.file}. What a person has changed since stays.</p>
          <ul class="small prose break found-gap">
            {written.map((w) => (
              <li key={w}>{w}</li>
            ))}
          </ul>
          <button type="button" class="button primary tall found-gap" disabled={busy} onClick={() => void change('discover/undo', [])}>
            Take them out
          </button>
        </Dialog>
      )}
      {text !== null && (
        <Dialog title={value?.file ?? place.value.page} onClose={() => setText(null)}>
          <pre class="code" tabIndex={0}>
            {text}
          </pre>
        </Dialog>
      )}
    </>
  );
}
