import { get } from '../../lib/api';
import { useData } from '../../lib/data';
import { plural } from '../../lib/words';
import { StateMark } from '../../parts/state';

interface ConfigData {
  readonly yaml?: string;
  readonly warnings?: readonly string[];
}

/** The configuration in force, its secrets hidden by the server, and what in it is not served. */
export function Config() {
  const data = useData('config', (s) => get<ConfigData>('status/config', {}, s), 0);
  const flags = useData('flags', (s) => get<Readonly<Record<string, string>>>('status/flags', {}, s), 0);
  if (!data.value) return null;
  const { yaml = '', warnings = [] } = data.value;
  const file = flags.value?.['config'] ?? flags.value?.['config.file'];
  return (
    <section class="card">
      <div class="card-head">
        <h2>Configuration</h2>
        {warnings.length > 0 && <StateMark state="warning" word={plural(warnings.length, 'warning')} />}
      </div>
      {warnings.map((w) => (
        <p key={w} class="mono break">
          {w}
        </p>
      ))}
      {yaml.trim() ? (
        <pre class="code" tabIndex={0} aria-label="Configuration, YAML">
          {yaml}
        </pre>
      ) : (
        <p class="prose">{file ? `As ${file} says.` : 'No file: the defaults hold.'}</p>
      )}
    </section>
  );
}
