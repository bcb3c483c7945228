import type { Disk } from '../../lib/overview';
import { overview } from '../../lib/shared';
import { duration } from '../../lib/words';
import { asState, STATE_ORDER } from '../../parts/state';

/** The disk that needs a person first. */
export function worstDisk(): Disk | undefined {
  const disks = overview.value?.host?.disks ?? [];
  const rank = (d: Disk): number => STATE_ORDER.indexOf(asState(d.state ?? 'ok'));
  return [...disks].sort((a, b) => rank(a) - rank(b) || a.free_bytes / a.size_bytes - b.free_bytes / b.size_bytes)[0];
}

export function fullIn(seconds: number | null): string {
  if (seconds === null) return 'steady';
  return seconds > 90 * 86_400 ? '> 90\u00a0d' : duration(seconds);
}
