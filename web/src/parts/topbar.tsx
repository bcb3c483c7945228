import type { ComponentChildren } from 'preact';
import { now } from '../lib/clocks';
import { live, PAGES, place } from '../lib/place';
import { over } from '../lib/ui';
import { clock } from '../lib/words';
import { Mark } from './mark';
import { LiveButton, RangeBar } from './rangebar';
import { verdict } from './sidebar';

const TIMED = ['overview', 'explore'];

export function Topbar({ children }: { children?: ComponentChildren }) {
  const { page } = place.value;
  const timed = TIMED.includes(page);
  return (
    <header class="top">
      <span class="phone-only">
        <span class="brand">
          <Mark verdict={verdict.value} size={22} /> earshot
        </span>
      </span>
      <span class="top-name desk-only">{PAGES.find((p) => p.page === page)?.title}</span>
      <span class="top-name phone-only" />
      <span class="phone-only small quiet">{live.value ? `Live, ${clock(now.value)}` : ''}</span>
      <div class="top-tools desk-only">
        {children}
        {timed && <RangeBar />}
        {timed && <LiveButton />}
        <button type="button" class="button plain search-button" onClick={() => (over.value = 'search')}>
          Search <kbd aria-hidden="true">/</kbd>
        </button>
      </div>
    </header>
  );
}
