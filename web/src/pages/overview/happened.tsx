/* What changed lately, beside the marks on the day and the tiles. */
import { now } from '../../lib/clocks';
import { useData, type Data } from '../../lib/data';
import { askEvents, type Happened } from '../../lib/events';
import { range } from '../../lib/place';
import { resolve } from '../../lib/range';
import { count, when } from '../../lib/words';
import { Note } from '../../parts/note';

const DAY = 86_400;
const REFRESH_MS = 60_000;
const JOBS_MOST = 1000;
const SHOWN = 8;

/** Of the day, or of the range when that is longer. */
export function useHappened(): Data<Happened> {
  const wanted = resolve(range.value, now.peek());
  const length = Math.max(DAY, wanted.to - wanted.from);
  return useData(`happened ${Math.round(length)}`, (signal) => askEvents({ from: now.peek() - length, to: now.peek() }, JOBS_MOST, signal), REFRESH_MS);
}

export function WhatChanged({ happened }: { happened: Data<Happened> }) {
  const list = happened.value?.changes;
  const newest = list && [...list].sort((a, b) => b.start - a.start);
  return (
    <section class="card" data-test="what-changed">
      <div class="card-head">
        <h2>What changed</h2>
        <span class="note">noticed without set-up</span>
      </div>
      {!newest && <Note data={happened} what="What changed" height={60} />}
      {newest?.length === 0 && <p class="prose">Nothing since {when(now.value - DAY, now.value)}.</p>}
      {newest && newest.length > 0 && (
        <ul class="changed">
          {newest.slice(0, SHOWN).map((e) => (
            <li key={e.id}>
              <time class="quiet" dateTime={new Date(e.start * 1000).toISOString()}>
                {when(e.start, now.value)}
              </time>
              <svg width="9" height="9" viewBox="0 0 10 10" aria-hidden="true">
                <path d="M5 0 10 5 5 10 0 5z" fill="currentColor" />
              </svg>
              <span class="break">{e.text}</span>
            </li>
          ))}
          {newest.length > SHOWN && <li class="quiet">and {count(newest.length - SHOWN)} before</li>}
        </ul>
      )}
    </section>
  );
}
