/* specs: the tiles of one host, as a table: what is asked and how it is written. Queries are those
 * of node_exporter's names, which earshot's host collector serves. */
import type { InstantSeries, Labels } from '../../lib/prom';
import { num, quoted } from '../../lib/prom';
import { bytes, count, figure, memory, percent } from '../../lib/words';

/** How a query names the host, and over what it takes rates. */
export interface Asking {
  readonly host: string; // job="node",instance="studio"
  readonly window: string; // 20s
  readonly mountpoint?: string | undefined; // the disk to show; else the fullest
}
type Query = (a: Asking) => string;

/** Answers of one tile's queries, by the query's name. */
export type Answers = Readonly<Record<string, readonly InstantSeries[] | undefined>>;

export interface Fact {
  readonly label: string;
  readonly text: string;
}
export interface TileSpec {
  readonly id: string;
  readonly name: string;
  readonly spark: Query;
  readonly ceiling?: number;
  readonly now: Readonly<Record<string, Query>>;
  /** Figure, its unit and the line below it; undefined when nothing was measured. */
  readonly figure: (a: Answers) => { value: number; figure: string; unit: string; caption: string } | undefined;
  readonly write: (n: number) => string;
  readonly facts: (a: Answers) => readonly Fact[];
}

/** First value, or that of the series whose labels fit. */
export function valueOf(series: readonly InstantSeries[] | undefined, fits?: Labels): number | undefined {
  const found = series?.find((s) => !fits || Object.entries(fits).every(([k, v]) => s.metric[k] === v));
  const v = found?.value ? num(found.value[1]) : Number.NaN;
  return Number.isNaN(v) ? undefined : v;
}
const named = (name: string): Labels => ({ __name__: name });

function facts(list: readonly (readonly [string, number | undefined, (n: number) => string])[]): Fact[] {
  return list.flatMap(([label, v, write]) => (v === undefined ? [] : [{ label, text: write(v) }]));
}
/** "5.1 GB" -> figure 5.1, unit GB: the unit is written small beside it. */
function split(text: string): { figure: string; unit: string } {
  const [first = '', ...rest] = text.split('\u00a0');
  return { figure: first, unit: rest.join('\u00a0') };
}
/** Busy is no share of health: 99 % is enough, two digits more would only flicker. */
const busyShare = (n: number): string => percent(n > 0.99 && n < 1 ? 0.99 : Math.max(0, n));
const perSecond = (n: number): string => `${bytes(n)}/s`;

const REAL_DISKS = 'device!~"dm-.*|md.*|loop.*|ram.*|sr.*"';
const REAL_NETS = 'device!~"lo|veth.*|docker.*|br-.*|virbr.*|tun.*|tap.*"';
const REAL_FS = 'fstype!~"tmpfs|devtmpfs|overlay|squashfs|ramfs|iso9660|fuse.*|nsfs|autofs",mountpoint!~"/(boot|run|snap|dev|proc|sys).*"';
const used = (a: Asking): string => {
  const which = a.mountpoint === undefined ? REAL_FS : `mountpoint=${quoted(a.mountpoint)}`;
  return `1 - node_filesystem_avail_bytes{${a.host},${which}} / node_filesystem_size_bytes{${a.host},${which}}`;
};
const mem = (a: Asking): string => `node_memory_MemTotal_bytes{${a.host}} - node_memory_MemAvailable_bytes{${a.host}}`;
const busy = (a: Asking): string => `1 - avg(rate(node_cpu_seconds_total{mode="idle",${a.host}}[${a.window}]))`;
const waiting = (what: string): Query => (a) => `rate(node_pressure_${what}_waiting_seconds_total{${a.host}}[${a.window}])`;
const disk = (what: string): Query => (a) => `sum(rate(node_disk_${what}_bytes_total{${REAL_DISKS},${a.host}}[${a.window}]))`;
const lost = (what: string): Query => (a) => `sum(rate(node_network_${what}_total{${REAL_NETS},${a.host}}[${a.window}]))`;
const net = (what: string): Query => (a) => `sum(rate(node_network_${what}_bytes_total{${REAL_NETS},${a.host}}[${a.window}]))`;

export const TILES: readonly TileSpec[] = [
  {
    id: 'cpu',
    name: 'CPU',
    spark: busy,
    ceiling: 1,
    write: percent,
    now: {
      busy,
      modes: (a) => `avg by (mode) (rate(node_cpu_seconds_total{mode=~"user|system|iowait|steal",${a.host}}[${a.window}]))`,
      cores: (a) => `count(node_cpu_seconds_total{mode="idle",${a.host}})`,
    },
    figure: (a) => {
      const v = valueOf(a['busy']);
      if (v === undefined) return undefined;
      const cores = valueOf(a['cores']);
      return { value: v, ...split(busyShare(v)), caption: cores ? `of ${cores === 1 ? 'one core' : `${count(cores)} cores`}` : 'in use' };
    },
    facts: (a) =>
      facts([
        ['User', valueOf(a['modes'], { mode: 'user' }), percent],
        ['System', valueOf(a['modes'], { mode: 'system' }), percent],
        ['I/O wait', valueOf(a['modes'], { mode: 'iowait' }), percent],
        ['Stolen', valueOf(a['modes'], { mode: 'steal' }) || undefined, percent],
      ]),
  },
  {
    id: 'memory',
    name: 'Memory',
    spark: mem,
    write: memory,
    now: {
      all: (a) => `{__name__=~"node_memory_(MemTotal|MemAvailable|Cached|SwapTotal|SwapFree)_bytes",${a.host}}`,
    },
    figure: (a) => {
      const total = valueOf(a['all'], named('node_memory_MemTotal_bytes'));
      const free = valueOf(a['all'], named('node_memory_MemAvailable_bytes'));
      if (total === undefined || free === undefined) return undefined;
      return { value: total - free, ...split(memory(total - free)), caption: `${percent((total - free) / total)} of ${memory(total)}` };
    },
    facts: (a) => {
      const swap = valueOf(a['all'], named('node_memory_SwapTotal_bytes'));
      const swapFree = valueOf(a['all'], named('node_memory_SwapFree_bytes'));
      return [
        ...facts([
          ['Available', valueOf(a['all'], named('node_memory_MemAvailable_bytes')), memory],
          ['Cache', valueOf(a['all'], named('node_memory_Cached_bytes')), memory],
        ]),
        ...(swap === undefined || swapFree === undefined ? [] : [{ label: 'Swap', text: swap ? memory(swap - swapFree) : 'none' }]),
      ];
    },
  },
  {
    id: 'disk',
    name: 'Disk',
    spark: (a) => `max(${used(a)})`,
    ceiling: 1,
    write: percent,
    now: {
      fullest: (a) => `topk(1, ${used(a)})`,
      read: disk('read'),
      written: disk('written'),
      busy: (a) => `max(rate(node_disk_io_time_seconds_total{${REAL_DISKS},${a.host}}[${a.window}]))`,
    },
    figure: (a) => {
      const v = valueOf(a['fullest']);
      if (v === undefined) return undefined;
      return { value: v, ...split(percent(v)), caption: `of ${a['fullest']?.[0]?.metric['mountpoint'] ?? 'the fullest'} in use` };
    },
    facts: (a) =>
      facts([
        ['Read', valueOf(a['read']), perSecond],
        ['Written', valueOf(a['written']), perSecond],
        ['Busy', valueOf(a['busy']), percent],
      ]),
  },
  {
    id: 'network',
    name: 'Network',
    spark: net('receive'),
    write: perSecond,
    now: {
      in: net('receive'),
      out: net('transmit'),
      lost: (a) => ['receive_errs', 'receive_drop', 'transmit_errs', 'transmit_drop'].map((what) => lost(what)(a)).join(' + '),
    },
    figure: (a) => {
      const v = valueOf(a['in']);
      return v === undefined ? undefined : { value: v, ...split(perSecond(v)), caption: 'received' };
    },
    facts: (a) =>
      facts([
        ['In', valueOf(a['in']), perSecond],
        ['Out', valueOf(a['out']), perSecond],
        ['Errors, drops', valueOf(a['lost']), (n) => (n ? `${figure(n)} / s` : 'none')],
      ]),
  },
  {
    id: 'load',
    name: 'Load',
    spark: (a) => `node_load1{${a.host}}`,
    write: figure,
    now: { all: (a) => `{__name__=~"node_load(1|5|15)",${a.host}}`, cores: (a) => `count(node_cpu_seconds_total{mode="idle",${a.host}})` },
    figure: (a) => {
      const v = valueOf(a['all'], named('node_load1'));
      if (v === undefined) return undefined;
      const cores = valueOf(a['cores']);
      return { value: v, figure: figure(v), unit: '', caption: cores ? `${figure(v / cores)} a core` : 'over 1 min' };
    },
    facts: (a) =>
      facts([
        ['1 min', valueOf(a['all'], named('node_load1')), figure],
        ['5 min', valueOf(a['all'], named('node_load5')), figure],
        ['15 min', valueOf(a['all'], named('node_load15')), figure],
      ]),
  },
  {
    id: 'pressure',
    name: 'Pressure',
    spark: waiting('cpu'),
    write: percent,
    now: { cpu: waiting('cpu'), memory: waiting('memory'), io: waiting('io') },
    figure: (a) => {
      const all = (['cpu', 'memory', 'io'] as const).map((w) => [w, valueOf(a[w]) ?? -1] as const);
      const [what, v] = all.reduce((x, y) => (y[1] > x[1] ? y : x));
      if (v < 0) return undefined;
      const words = { cpu: 'the CPU', memory: 'memory', io: 'a disk' };
      return { value: valueOf(a['cpu']) ?? v, ...split(busyShare(v)), caption: `waiting for ${words[what]}` };
    },
    facts: (a) =>
      facts([
        ['CPU', valueOf(a['cpu']), percent],
        ['Memory', valueOf(a['memory']), percent],
        ['I/O', valueOf(a['io']), percent],
      ]),
  },
  {
    id: 'heat',
    name: 'Heat',
    spark: (a) => `max({__name__=~"node_hwmon_temp_celsius|node_thermal_zone_temp",${a.host}})`,
    write: (n) => `${figure(n)}\u00a0\u00b0C`,
    now: { hot: (a) => `topk(3, {__name__=~"node_hwmon_temp_celsius|node_thermal_zone_temp",${a.host}})` },
    figure: (a) => {
      const v = valueOf(a['hot']);
      return v === undefined ? undefined : { value: v, figure: figure(v), unit: '\u00b0C', caption: 'the hottest sensor' };
    },
    facts: (a) =>
      (a['hot'] ?? []).map((s) => ({
        label: s.metric['sensor'] ?? s.metric['type'] ?? 'sensor',
        text: `${figure(num(s.value?.[1]))}\u00a0\u00b0C`,
      })),
  },
  {
    id: 'processes',
    name: 'Processes',
    spark: (a) => `node_procs_running{${a.host}}`,
    write: count,
    now: { all: (a) => `{__name__=~"node_procs_running|node_procs_blocked|node_processes_threads|node_processes_pids|node_filefd_allocated",${a.host}}` },
    figure: (a) => {
      const v = valueOf(a['all'], named('node_procs_running'));
      if (v === undefined) return undefined;
      const all = valueOf(a['all'], named('node_processes_pids'));
      return { value: v, figure: count(v), unit: 'running', caption: all ? `of ${count(all)}` : 'at this moment' };
    },
    facts: (a) =>
      facts([
        ['Blocked', valueOf(a['all'], named('node_procs_blocked')), count],
        ['Threads', valueOf(a['all'], named('node_processes_threads')), count],
        ['Open files', valueOf(a['all'], named('node_filefd_allocated')), count],
      ]),
  },
];
