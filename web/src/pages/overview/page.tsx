import { active, overview, overviewError, targets } from '../../lib/shared';
import { phone } from '../../lib/media';
import { useHappened, WhatChanged } from './happened';
import { RunsOut } from './next';
import { SelfCard } from './self';
import { Strip } from './strip';
import { Tiles } from './tiles';
import { TopProcesses } from './top';
import { Verdict } from './verdict';

/** Is anything wrong, and how is this host? */
export function OverviewPage() {
  const o = overview.value;
  const known = o !== undefined || overviewError.value !== undefined;
  const hasHost = !known || o?.host != null || active.value.some((t) => t.labels['job'] === 'node');
  const happened = useHappened();
  const nothing = targets.value !== undefined && active.value.length === 0;
  return (
    <>
      <Verdict />
      {phone.value && hasHost && <Tiles changes={happened.value?.changes ?? []} />}
      {nothing ? (
        <section class="card">
          <p class="prose">Nothing is watched yet: the configuration names no target.</p>
        </section>
      ) : (
        <Strip happened={happened.value} />
      )}
      {!phone.value && hasHost && <Tiles changes={happened.value?.changes ?? []} />}
      <div class="cards">
        <div class="stack">
          <RunsOut />
          <SelfCard />
        </div>
        <TopProcesses />
        <WhatChanged happened={happened} />
      </div>
    </>
  );
}
