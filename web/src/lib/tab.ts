/* tab: title and icon of the browser's tab follow the verdict. */
import { effect } from '@preact/signals';
import { verdict } from '../parts/sidebar';
import { down } from './shared';
import { PAGES, place } from './place';
import { theme, token } from './theme';

const DOT = { ok: 'ok', warning: 'warn-f', critical: 'crit-f', unknown: 'unk' } as const;

function icon(dot: string, arcs: string): string {
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><circle cx="5" cy="10" r="2.6" fill="${dot}"/>` +
    `<path d="M8.2 5.1a5.9 5.9 0 0 1 0 9.8M11.2 2a9.6 9.6 0 0 1 0 16" fill="none" stroke="${arcs}" stroke-width="1.9" stroke-linecap="round"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

export function startTab(): void {
  effect(() => {
    const title = PAGES.find((p) => p.page === place.value.page)?.title ?? '';
    const count = verdict.value === 'ok' || verdict.value === 'unknown' ? 0 : Math.max(1, down.value);
    document.title = `${count ? `(${count}) ` : ''}${title}, earshot`;
  });
  effect(() => {
    void theme.value; // the tokens it names change with it
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (link) link.href = icon(token(DOT[verdict.value]), token('text'));
  });
}
