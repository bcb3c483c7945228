import { get, instant } from '../../lib/api';
import { useData } from '../../lib/data';
import { num, type InstantSeries } from '../../lib/prom';
import { count, figure } from '../../lib/words';
import { Facts } from '../../parts/facts';
import { Note } from '../../parts/note';
import { StateMark } from '../../parts/state';
import type { Runtime } from './page';

type FlagMap = Readonly<Record<string, string>>;
const MEANING: readonly (readonly [RegExp, string])[] = [
  [/^query[.-]timeout$/, 'Longest query'],
  [/^query[.-]max-samples$/, 'Samples a query may read'],
  [/^query[.-]max-concurrency$/, 'Queries at a time'],
  [/^query[.-]max-memory$/, 'Memory a query may take'],
  [/^query[.-]lookback-delta$/, 'How long an old value counts'],
  [/^(storage\.tsdb\.)?retention\.size$/, 'Kept up to'],
  [/^(late-window|storage\.tsdb\.out-of-order-time-window)$/, 'Late samples are taken for'],
  [/^(web\.)?max-connections$/, 'Connections'],
];
const REFUSALS = '{__name__=~"earshot_.*_(refused|dropped)_total"} > 0';

const number = (text: string): string => (/^\d{4,}$/.test(text) ? (text.length > 4 ? figure(Number(text)) : count(Number(text))) : text);

/** The limits in force, and what they refused. */
export function Limits({ runtime }: { runtime: Runtime | undefined }) {
  const flags = useData('flags', (s) => get<FlagMap>('status/flags', {}, s), 0);
  const refused = useData('refused', (s) => instant(REFUSALS, undefined, s), 15_000);
  const lines: [string, string][] = Object.entries(flags.value ?? {}).flatMap(([name, value]): [string, string][] => {
    const words = MEANING.find(([re]) => re.test(name))?.[1];
    return words && value && !/^0[a-zA-Z]*$/.test(value) ? [[words, number(value)]] : []; // 0: no limit
  });
  if (runtime?.storageRetention) lines.unshift(['Kept for', runtime.storageRetention]);
  if (runtime?.fileDescriptorLimit) lines.push(['Open files', figure(runtime.fileDescriptorLimit)]);
  const list = refused.value?.resultType === 'vector' ? refused.value.result : undefined;
  return (
    <section class="card">
      <div class="card-head">
        <h2>Limits</h2>
      </div>
      {flags.value ? (
        <Facts lines={lines} />
      ) : (
        <Note data={flags} what="The limits" />
      )}
      {list && <Refused list={list} />}
    </section>
  );
}

function Refused({ list }: { list: readonly InstantSeries[] }) {
  return (
    <>
      <h3 class="sub-head">Refused since the start</h3>
      {list.length ? (
        <dl class="facts-list">
          {list.map((s) => {
            const { __name__: name = '', job: _, instance: __, ...rest } = s.metric;
            return (
              <>
                <dt class="mono break">{[name, ...Object.values(rest)].join(' ')}</dt>
                <dd>{figure(num(s.value?.[1]))}</dd>
              </>
            );
          })}
        </dl>
      ) : (
        <StateMark state="ok" word="nothing" />
      )}
    </>
  );
}
