import { computed } from '@preact/signals';
import { active, down, overview } from '../lib/shared';
import { href, place, type Page } from '../lib/place';
import { duration, memory, bytes, percent } from '../lib/words';
import { now } from '../lib/clocks';
import { lost } from '../lib/connection';
import { Icon } from './icon';
import { Mark } from './mark';
import { asState, Shape, STATE_ORDER, type State } from './state';

export const verdict = computed(() => (lost.value ? 'unknown' : (overview.value?.verdict ?? 'unknown')));

function Item(props: { page: Page; label: string; note?: string; tone?: string }) {
  const here = place.value.page === props.page;
  return (
    <a href={href(props.page)} aria-current={here ? 'page' : undefined}>
      <Icon name={props.page} />
      <span class="label">{props.label}</span>
      {props.note && <span class={`note ${props.tone ?? ''}`}>{props.note}</span>}
    </a>
  );
}

export function Sidebar() {
  const host = overview.value?.host;
  return (
    <aside class="side" aria-label="earshot">
      <a class="brand" href={href('overview')} aria-label="earshot, Overview">
        <Mark verdict={verdict.value} size={22} />
        <span class="label">earshot</span>
      </a>
      <nav class="nav" aria-label="Pages">
        <Item page="overview" label="Overview" />
        <Item page="explore" label="Explore" />
        {host && <HostItem name={host.name} />}
        <div class="nav-head">Set-up</div>
        <hr />
        <Item page="discover" label="Discovery" />
        <Item page="targets" label="Targets" {...(down.value ? { note: `${down.value} down` } : {})} />
        <Item page="status" label="Status" />
      </nav>
      <Cost />
    </aside>
  );
}

/** The host: the worst of its targets, memory, load and disks. */
function HostItem({ name }: { name: string }) {
  const { memory_state, load_state, disks } = overview.value?.host ?? {};
  const own = active.value.filter((t) => t.labels['instance'] === name);
  const all = [...own.map((t) => t.health), ...[memory_state, load_state, ...(disks ?? []).map((d) => d.state)].map((s) => s ?? 'ok')];
  const state: State = all.map(asState).sort((a, b) => STATE_ORDER.indexOf(a) - STATE_ORDER.indexOf(b))[0] ?? 'nodata';
  return (
    <>
      <div class="nav-head">Hosts</div>
      <hr />
      <a href={href('explore', { expr: `node_load1{instance="${name}"}` })}>
        <span class={`state ${state}`}>
          <Shape state={state} size={14} />
        </span>
        <span class="label">{name}</span>
      </a>
    </>
  );
}

/** What earshot itself costs. */
function Cost() {
  const self = overview.value?.self;
  if (!self) return null;
  const first = [self.rss_bytes != null && memory(self.rss_bytes), self.cpu_ratio != null && `${percent(self.cpu_ratio)} CPU`];
  const kept = self.oldest_ts ? `${duration(Math.max(60, Math.floor((now.value - self.oldest_ts) / 60) * 60))} kept` : '';
  const size = self.data_bytes != null ? `${kept ? ' in' : 'data:'} ${bytes(self.data_bytes)}` : '';
  const costs = first.filter(Boolean).join(', ');
  return (
    <p class="cost">
      {costs && `earshot: ${costs}`}
      {costs && <br />}
      {kept}
      {size}
    </p>
  );
}
