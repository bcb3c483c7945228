/* overview: the shape of GET /api/earshot/v1/overview. Anything that was not measured is null or
 * left out, so every field but the verdict is read with care. */

export type Verdict = 'ok' | 'warning' | 'critical';

export interface Disk {
  readonly mountpoint: string;
  readonly device?: string;
  readonly size_bytes: number;
  readonly free_bytes: number;
  readonly full_in_s: number | null;
  readonly state?: string;
}
export interface Host {
  readonly name: string;
  readonly os?: string | null;
  readonly uptime_s?: number | null;
  readonly cpu_ratio?: number | null;
  readonly load1?: number | null;
  readonly cores?: number | null;
  readonly memory_used_bytes?: number | null;
  readonly memory_total_bytes?: number | null;
  readonly memory_state?: string;
  readonly load_state?: string;
  readonly disks?: readonly Disk[] | null;
}
export interface Process {
  readonly pid: number;
  readonly name: string;
  readonly cpu_ratio?: number | null;
  readonly rss_bytes?: number | null;
  readonly io_bytes_per_second?: number | null;
}
export interface Self {
  readonly rss_bytes?: number | null;
  readonly cpu_ratio?: number | null;
  readonly data_bytes?: number | null;
  readonly oldest_ts?: number | null;
  readonly series?: number | null;
  readonly samples?: number | null;
}
export interface Overview {
  readonly verdict: Verdict;
  readonly sentence: string;
  readonly host?: Host | null;
  readonly top?: readonly Process[] | null;
  readonly self?: Self | null;
}
