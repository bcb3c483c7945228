/* ui: what floats above the page. */
import { signal } from '@preact/signals';

export type Over = 'search' | 'help' | 'range' | null;
export const over = signal<Over>(null);

/** A page's own handler of keys (j, k, Enter ...); true when it took the key. */
export const pageKeys = signal<((key: string) => boolean) | null>(null);
