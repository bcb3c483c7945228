/* plan: what was found on this host, in words. */
import { count, digits, plural, spelled } from '../../lib/words';

export type FoundState = 'new' | 'watched' | 'needs' | 'left';
export interface Found {
  readonly id: string;
  readonly host?: string | null; // behind SSH
  readonly title: string;
  readonly state: FoundState;
  readonly evidence: string;
  readonly watched: string;
  readonly needs: string | null;
  readonly entry: string | null;
  readonly series: number | null;
  readonly rules?: readonly string[];
}
export interface Plan {
  readonly host: string;
  readonly file: string;
  readonly looked_at: { readonly ports: number; readonly processes: number; readonly units: number; readonly unknown_ports: number; readonly seconds: number; readonly not?: readonly string[] };
  readonly unreached?: readonly { readonly host: string; readonly why: string }[];
  readonly found: readonly Found[];
  readonly text?: string;
  readonly refused?: string; // why it cannot be added to the file as that is written; then there is no text
}
/** What the server says after it wrote or undid. */
export interface Written {
  readonly file: string;
  readonly added?: number;
  readonly taken?: number;
  readonly changed?: number;
  readonly removed?: boolean;
  readonly entries?: readonly string[]; // what was, or would be, taken out
  readonly loaded: boolean;
  readonly error?: string;
}

const of = (plan: Plan, state: FoundState): number => plan.found.filter((f) => f.state === state).length;

export function headline(plan: Plan): string {
  const n = plan.found.length;
  const others = [...new Set(plan.found.map((f) => f.host).filter(Boolean))];
  const more = others.length > 1 ? ` and ${plural(others.length, 'machine')} behind SSH` : others.map((h) => ` and ${h}`).join('');
  return `${spelled(n)} ${n === 1 ? 'thing runs' : 'things run'} on ${plan.host}${more}.`;
}

export function summary(plan: Plan): string {
  const fresh = of(plan, 'new');
  const watched = of(plan, 'watched');
  if (fresh && plan.refused) return 'Not all of it can be added to the configuration as that is written.';
  if (!fresh) return watched ? 'All that can be watched now is watched.' : 'Nothing of it can be watched now.';
  const before = watched ? `${spelled(watched)} ${watched === 1 ? 'is' : 'are'} watched already, ${spelled(fresh).toLowerCase()} more` : spelled(fresh);
  return `${before} can be watched now. This is the plan; nothing is written until you accept.`;
}

export function lookedAt(plan: Plan): string {
  const { ports, processes, units, seconds } = plan.looked_at;
  return `looked at ${plural(ports, 'port')}, ${plural(processes, 'process', 'processes')}, ${plural(units, 'unit')} in ${digits(seconds)}\u00a0s; nothing was changed`;
}

/** The fourth column. */
export function watchedAs(f: Found): string {
  return f.state === 'watched' ? 'is watched already' : f.state === 'needs' ? 'needs you' : f.watched;
}

export function said(w: Written): string {
  const what =
    w.added !== undefined
      ? `Wrote ${plural(w.added, 'entry', 'entries')} to ${w.file}.`
      : w.removed
        ? `Removed ${w.file}: all of it was written here.`
        : w.taken
          ? `Took ${plural(w.taken, 'entry', 'entries')} out of ${w.file}.`
          : `Nothing in ${w.file} is as it was written here.`;
  const kept = w.changed ? ` ${count(w.changed)} that ${w.changed === 1 ? 'was' : 'were'} changed since ${w.changed === 1 ? 'stays' : 'stay'}.` : '';
  if (w.loaded) return `${what}${kept} It is in use.`;
  return w.error ? `${what}${kept} The configuration before it stays in use: ${w.error}` : `${what}${kept}`;
}
