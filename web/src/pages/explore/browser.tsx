import { useState } from 'preact/hooks';
import { useData } from '../../lib/data';
import { count, figure } from '../../lib/words';
import { Note } from '../../parts/note';
import { askLabels, askMetrics, usualQuestion, type Metric } from './metrics';

const MOST = 150;

export interface BrowserProps {
  readonly onAsk: (expr: string) => void;
  readonly onInsert: (text: string) => void;
}

/** Every metric there is: search, type, series; of the picked one its help and labels. */
export function Browser({ onAsk, onInsert }: BrowserProps) {
  const data = useData('metrics', askMetrics, 60_000);
  const [words, setWords] = useState('');
  const [picked, setPicked] = useState('');
  const all = data.value ?? [];
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((m) => parts.every((p) => m.name.toLowerCase().includes(p)));
  const metric = all.find((m) => m.name === picked);
  return (
    <aside class="card browser" aria-label="Metrics" data-test="browser">
      <div class="browser-search">
        <input class="field" type="search" placeholder="Search metrics" aria-label="Search metrics" value={words} onInput={(e) => setWords(e.currentTarget.value)} />
        <span class="micro quiet" aria-live="polite">
          {data.value ? (words ? `${count(found.length)} of ${figure(all.length)}` : figure(all.length)) : ''}
        </span>
      </div>
      {!data.value && <Note data={data} what="The metrics" height={240} />}
      <ul class="browser-list" tabIndex={-1}>
        {found.slice(0, MOST).map((m) => (
          <li key={m.name}>
            <button
              type="button"
              aria-pressed={m.name === picked}
              onClick={() => {
                setPicked(m.name);
                onAsk(usualQuestion(m));
              }}
            >
              <span class="browser-name mono">
                <Marked text={m.name} words={parts} />
              </span>
              <span class="browser-series">{m.series ? count(m.series) : ''}</span>
              <span class="micro quiet">{m.type}</span>
            </button>
          </li>
        ))}
        {found.length > MOST && <li class="quiet small browser-more">and {count(found.length - MOST)} more; a search narrows it</li>}
        {data.value && !found.length && <li class="quiet small browser-more">No metric of that name.</li>}
      </ul>
      {metric && <Details metric={metric} onInsert={onInsert} />}
    </aside>
  );
}

/** The found letters in the accent's colour. */
function Marked({ text, words }: { text: string; words: readonly string[] }) {
  const word = words[0];
  const at = word ? text.toLowerCase().indexOf(word) : -1;
  if (!word || at < 0) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <span class="found">{text.slice(at, at + word.length)}</span>
      {text.slice(at + word.length)}
    </>
  );
}

function Details({ metric, onInsert }: { metric: Metric; onInsert: (text: string) => void }) {
  const labels = useData(metric.name, (signal) => askLabels(metric, signal), 0);
  return (
    <div class="browser-details">
      <h3 class="break">{metric.name}</h3>
      <p class="prose small">{metric.help || 'Nobody wrote what it means.'}</p>
      <div class="tags">
        {(labels.value ?? []).map((l) => (
          <button key={l.name} type="button" class="tag" title={`insert ${l.name}`} onClick={() => onInsert(l.name)}>
            {l.name} {count(l.values)}
          </button>
        ))}
      </div>
    </div>
  );
}
