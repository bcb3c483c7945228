/* theme: dark, light, or the system's. <html data-theme> always holds dark or light; canvases read
 * the tokens anew when `theme` changes. */
import { computed, effect, signal } from '@preact/signals';
import { place } from './place';

export type Choice = 'auto' | 'dark' | 'light';
export type Theme = 'dark' | 'light';

const STORE = 'earshot.theme';
const isChoice = (v: string | null | undefined): v is Choice => v === 'auto' || v === 'dark' || v === 'light';

const stored = signal<Choice>('auto');
const system = signal<Theme>('dark');
const printing = signal(false);

export const choice = computed<Choice>(() => {
  const fromUrl = place.value.params['theme'];
  return isChoice(fromUrl) ? fromUrl : stored.value;
});
export const theme = computed<Theme>(() =>
  printing.value ? 'light' : choice.value === 'auto' ? system.value : choice.value,
);

export function remember(c: Choice): void {
  stored.value = c;
  try {
    localStorage.setItem(STORE, c);
  } catch {
    /* a browser that keeps nothing: the choice holds for this page */
  }
}

export function startTheme(): void {
  const media = matchMedia('(prefers-color-scheme: light)');
  const look = (): void => {
    system.value = media.matches ? 'light' : 'dark';
  };
  media.addEventListener('change', look);
  look();
  try {
    const was = localStorage.getItem(STORE);
    if (isChoice(was)) stored.value = was;
  } catch {
    /* as above */
  }
  addEventListener('beforeprint', () => (printing.value = true));
  addEventListener('afterprint', () => (printing.value = false));
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  });
}

/** A colour token as the canvas wants it. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
