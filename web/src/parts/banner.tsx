import { now } from '../lib/clocks';
import { lost, tryNow } from '../lib/connection';
import { duration, plural, when } from '../lib/words';
import { StateMark } from './state';

/** Shown only while nothing answers: what, since when, how often tried, what happens next. The
 * alert holds what does not change, so that it is read out once. */
export function Banner() {
  const l = lost.value;
  if (!l) return null;
  const wait = Math.round(l.nextAt - now.value);
  return (
    <div class="banner" data-test="lost">
      <StateMark state="critical" word="Not reached" />
      <p class="words">
        <span role="alert">
          <strong>earshot does not answer.</strong> Last answer {when(l.since, now.value, true)}; what stands here is older.
        </span>{' '}
        Tried {plural(l.tries, 'time')}; {wait > 0 ? `tries again in ${duration(wait)}.` : 'trying now.'}
      </p>
      <button type="button" class="button" onClick={tryNow}>
        Try now
      </button>
    </div>
  );
}
