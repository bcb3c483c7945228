import { get } from '../../lib/api';
import { useData } from '../../lib/data';
import { count, figure } from '../../lib/words';
import { Note } from '../../parts/note';

type FlagMap = Readonly<Record<string, string>>;
const MEANING: readonly (readonly [RegExp, string])[] = [
  [/^query[.-]timeout$/, 'Longest query'],
  [/^query[.-]max-samples$/, 'Samples a query may read'],
  [/^query[.-]max-concurrency$/, 'Queries at a time'],
  [/^query[.-]max-memory$/, 'Memory a query may take'],
  [/^query[.-]lookback-delta$/, 'How long an old value counts'],
  [/^(storage\.tsdb\.)?retention(\.time)?$/, 'Kept for'],
  [/^(storage\.tsdb\.)?retention\.size$/, 'Kept up to'],
  [/^(late-window|storage\.tsdb\.out-of-order-time-window)$/, 'Late samples are taken for'],
  [/^(web\.)?max-connections$/, 'Connections'],
];

const number = (text: string): string => (/^\d{4,}$/.test(text) ? (text.length > 4 ? figure(Number(text)) : count(Number(text))) : text);

/** Every limit that is in force. */
export function Limits() {
  const data = useData('flags', (s) => get<FlagMap>('status/flags', {}, s), 0);
  const found = Object.entries(data.value ?? {}).flatMap(([name, value]) => {
    const words = MEANING.find(([re]) => re.test(name))?.[1];
    return words && value && !/^0[a-zA-Z]*$/.test(value) ? [[words, value] as const] : []; // 0: no limit
  });
  return (
    <section class="card">
      <div class="card-head">
        <h2>Limits</h2>
      </div>
      {data.value ? (
        found.length ? (
          <dl class="facts-list">
            {found.map(([label, text]) => (
              <>
                <dt>{label}</dt>
                <dd>{number(text)}</dd>
              </>
            ))}
          </dl>
        ) : (
          <p class="prose">None is set apart from the defaults.</p>
        )
      ) : (
        <Note data={data} what="The limits" />
      )}
    </section>
  );
}
