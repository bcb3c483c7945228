import { plural } from '../../lib/words';
import type { Found, Plan } from './plan';

/** The row under the keys: what would be written for it, and the rules that come with it. */
export function Picked({ found }: { found: Found }) {
  const rules = found.rules ?? [];
  return (
    <section class="card">
      <div class="card-head">
        <h2>{found.title}</h2>
        {rules.length > 0 && <span class="note">{plural(rules.length, 'rule')}</span>}
      </div>
      <p class="small prose break">{found.evidence}</p>
      {found.needs && <p class="small prose break found-gap">It needs {found.needs}.</p>}
      {found.entry && (
        <pre class="code found-gap" tabIndex={0} aria-label={`What would be written for ${found.title}`}>
          {found.entry}
        </pre>
      )}
      {rules.length > 0 && (
        <>
          <h3 class="sub-head">Rules that come with it; this version does not evaluate rules yet</h3>
          <ul class="small prose">
            {rules.map((r) => (
              <li key={r}>{r}</li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

export function LeftAlone({ plan }: { plan: Plan }) {
  const needs = plan.found.filter((f) => f.state === 'needs');
  const unknown = plan.looked_at.unknown_ports;
  const cut = plan.looked_at.not ?? [];
  const unreached = plan.unreached ?? [];
  if (!needs.length && !unknown && !cut.length && !unreached.length) return null;
  return (
    <section class="card">
      <div class="card-head">
        <h2>Left alone</h2>
      </div>
      {needs.map((f) => (
        <p key={f.id} class="small prose break">
          <strong>{f.title}</strong> needs {f.needs}.
        </p>
      ))}
      {cut.length > 0 && <p class="small prose">Not looked at: {cut.join('; ')}.</p>}
      {unreached.map((u) => (
        <p key={u.host} class="small prose break">
          <strong>{u.host}</strong> was not looked at: {u.why}.
        </p>
      ))}
      {unknown > 0 && (
        <p class="small prose">
          {plural(unknown, 'port')} {unknown === 1 ? 'belongs' : 'belong'} to nobody we know.
        </p>
      )}
    </section>
  );
}

/** Honest about what is not there yet. */
export function TellWhom() {
  return (
    <section class="card">
      <div class="card-head">
        <h2>Who should be told?</h2>
      </div>
      <p class="small prose">
        Nobody yet: this version judges no rules and sends no messages. It answers who asks: this page, <code>earshot status</code> (a Nagios plugin), and
        Grafana, whose alerts work on it.
      </p>
    </section>
  );
}
