import { get, instant } from '../../lib/api';
import { now } from '../../lib/clocks';
import { useData } from '../../lib/data';
import { overview } from '../../lib/shared';
import { duration, when } from '../../lib/words';
import { num } from '../../lib/prom';
import { Facts } from '../../parts/facts';
import { Config } from './config';
import { Flags } from './flags';
import { Limits } from './limits';
import { OwnMetrics } from './own';
import { Storage } from './storage';

export interface Build {
  readonly version?: string;
  readonly revision?: string;
  readonly branch?: string;
  readonly buildDate?: string;
}
export interface Runtime {
  readonly startTime?: string;
  readonly CWD?: string;
  readonly reloadConfigSuccess?: boolean;
  readonly lastConfigTime?: string;
  readonly corruptionCount?: number;
  readonly storageRetention?: string;
  readonly fileDescriptorLimit?: number;
}

const SLOW_MS = 15_000;

/** earshot itself: version, store, limits, configuration, its own figures. */
export function StatusPage() {
  const build = useData('build', (s) => get<Build>('status/buildinfo', {}, s), 0);
  const runtime = useData('runtime', (s) => get<Runtime>('status/runtimeinfo', {}, s), SLOW_MS);
  const reload = useData('reload', (s) => instant('earshot_config_last_reload_successful', undefined, s), SLOW_MS);
  const failed =
    runtime.value?.reloadConfigSuccess === false ||
    (reload.value?.resultType === 'vector' && reload.value.result.some((r) => num(r.value?.[1]) === 0));
  const start = Date.parse(runtime.value?.startTime ?? '') / 1000;
  const lines: [string, string][] = [];
  const add = (label: string, text: string | undefined): void => {
    if (text) lines.push([label, text]);
  };
  add('Version', build.value?.version?.replace(/^.*\+earshot\./, ''));
  add('Revision', build.value?.revision);
  add('Built', build.value?.buildDate);
  add('Running since', start ? `${when(start, now.value)}, ${duration(Math.max(1, Math.round(now.value - start)))}` : undefined);
  add('Folder', runtime.value?.CWD);
  add('Damaged blocks set aside', String(runtime.value?.corruptionCount ?? ''));
  return (
    <>
      <div class="page-head">
        <h1 class="title">
          {runtime.value ? (failed ? 'The last configuration was refused; the one before it holds.' : 'earshot is running.') : runtime.error ? 'The status could not be read.' : '\u00a0'}
        </h1>
        <p class="prose">{runtime.error && !runtime.value ? runtime.error.message : overview.value?.host?.name ? `on ${overview.value.host.name}` : ''}</p>
      </div>
      <div class="cards">
        <section class="card">
          <div class="card-head">
            <h2>Program</h2>
          </div>
          <Facts lines={lines} />
        </section>
        <Storage />
        <Limits runtime={runtime.value} />
      </div>
      <Config />
      <OwnMetrics />
      <Flags />
    </>
  );
}
