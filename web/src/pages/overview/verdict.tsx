import { now } from '../../lib/clocks';
import { overview, overviewError, active } from '../../lib/shared';
import { href } from '../../lib/place';
import { duration, plural } from '../../lib/words';
import { Shape, type State } from '../../parts/state';
import type { Verdict as Word } from '../../lib/overview';

const SHAPE: Readonly<Record<Word, State>> = { ok: 'ok', warning: 'warning', critical: 'critical' };

/** "One thing needs a look. Sound Box: ..." -> headline and the rest. */
function parts(sentence: string): [string, string] {
  const at = sentence.search(/[.!?]\s/);
  return at < 0 ? [sentence, ''] : [sentence.slice(0, at + 1), sentence.slice(at + 1).trim()];
}

/** The page's first words. */
export function Verdict() {
  const o = overview.value;
  const error = overviewError.value;
  const [head, rest] = o ? parts(o.sentence) : ['', ''];
  const bad = active.value.filter((t) => t.health === 'down').length;
  return (
    <section class="verdict" aria-labelledby="verdict">
      <div class="verdict-words">
        <h1 id="verdict" aria-live={o?.verdict === 'critical' ? 'assertive' : 'polite'} data-test="verdict">
          {o ? head : error ? 'earshot gives no overview.' : '\u00a0'}
        </h1>
        <p class="lead">
          {o && rest && (
            <>
              <span class={`state ${SHAPE[o.verdict]}`}>
                <Shape state={SHAPE[o.verdict]} size={13} />
              </span>{' '}
              <Named text={rest} />
            </>
          )}
          {o && !rest && <Host />}
          {!o && error && <span>{error.message}</span>}
        </p>
      </div>
      {bad > 0 && (
        <a class="button primary tall" href={href('targets', { filter: 'unwell' })}>
          {bad === 1 ? 'Show it' : `Show all ${plural(bad, 'target').replace(/ .*/, '')}`}
        </a>
      )}
    </section>
  );
}

/** `Name: symptom` with the name in bold. */
function Named({ text }: { text: string }) {
  const at = text.indexOf(': ');
  if (at < 0 || at > 60 || text.slice(0, at).includes('. ')) return <span>{text}</span>;
  return (
    <span>
      <strong>{text.slice(0, at + 1)}</strong>
      {text.slice(at + 1)}
    </span>
  );
}

/** Nothing to tell: which machine this is. */
function Host() {
  const host = overview.value?.host;
  if (!host) return <span>{plural(active.value.length, 'target')} watched.</span>;
  const up = host.uptime_s ? `, up ${duration(Math.round(host.uptime_s))}` : '';
  void now.value;
  return (
    <span>
      <strong>{host.name}</strong>
      {host.os ? `, ${host.os}` : ''}
      {up}
    </span>
  );
}
