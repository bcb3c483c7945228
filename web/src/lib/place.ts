/* place: which page is shown and with what, all of it in the URL. */
import { computed, signal } from '@preact/signals';
import { last, parseRange, rangeParams, type Range } from './range';

export type Page = 'overview' | 'explore' | 'targets' | 'status' | 'discover';
export const PAGES: readonly { readonly page: Page; readonly title: string; readonly key: string }[] = [
  { page: 'overview', title: 'Overview', key: 'o' },
  { page: 'explore', title: 'Explore', key: 'e' },
  { page: 'targets', title: 'Targets', key: 't' },
  { page: 'status', title: 'Status', key: 's' },
  { page: 'discover', title: 'Discovery', key: 'd' },
];
export type Params = Readonly<Record<string, string>>;
export interface Place {
  readonly page: Page;
  readonly params: Params;
}

const KEPT = ['range', 'from', 'to', 'live', 'theme']; // go along from page to page

export const place = signal<Place>({ page: 'overview', params: {} });
export const range = computed<Range>(() => {
  const { params } = place.value;
  return parseRange(params['range'], params['from'], params['to']) ?? last(3600);
});
/** Live: on for a range that ends now, unless switched off. */
export const live = computed(() => range.value.kind === 'last' && place.value.params['live'] !== 'off');

function read(): Place {
  const name = location.pathname.replace(/^.*\//, '') || 'overview';
  const page = PAGES.find((p) => p.page === name)?.page ?? 'overview';
  return { page, params: Object.fromEntries(new URLSearchParams(location.search)) };
}

export function href(page: Page, params: Params = {}): string {
  const kept = Object.fromEntries(Object.entries(place.value.params).filter(([k]) => KEPT.includes(k)));
  const query = new URLSearchParams({ ...kept, ...params }).toString();
  return `${page === 'overview' ? './' : page}${query ? `?${query}` : ''}`;
}

export function go(page: Page, params: Params = {}): void {
  history.pushState(null, '', href(page, params));
  place.value = read();
  scrollTo(0, 0);
}

/** Changes parameters of this page; null takes one out. */
export function setParams(change: Readonly<Record<string, string | null>>, how: 'push' | 'replace' = 'push'): void {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(change))
    if (value === null) params.delete(name);
    else params.set(name, value);
  const query = params.toString();
  const next = `${location.pathname}${query ? `?${query}` : ''}`;
  if (next === location.pathname + location.search) return;
  if (how === 'push') history.pushState(null, '', next);
  else history.replaceState(null, '', next);
  place.value = read();
}

export function setRange(r: Range): void {
  setParams({ ...rangeParams(r), live: null });
}

export function toggleLive(): void {
  if (range.value.kind === 'fixed') {
    const { from, to } = range.value;
    setRange(last(Math.max(60, Math.round(to - from))));
  } else setParams({ live: live.value ? 'off' : null }, 'replace');
}

/** Follows plain clicks on our own links and the browser's Back. */
export function startPlace(): void {
  place.value = read();
  addEventListener('popstate', () => {
    place.value = read();
  });
  document.addEventListener('click', (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const link = (e.target as Element | null)?.closest?.('a[href]');
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
    const to = new URL(link.href);
    if (to.origin !== location.origin || to.hash || link.dataset['plain'] !== undefined) return;
    e.preventDefault();
    history.pushState(null, '', to.href);
    place.value = read();
    scrollTo(0, 0);
  });
}
