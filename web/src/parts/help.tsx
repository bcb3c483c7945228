import { KEYS, letters, setLetters } from '../lib/keys';
import { href, live, setParams, toggleLive } from '../lib/place';
import { choice, remember, type Choice } from '../lib/theme';
import { over } from '../lib/ui';
import { Dialog } from './dialog';
import { Segments } from './segments';

const THEMES: readonly { value: Choice; label: string }[] = [
  { value: 'auto', label: 'as the system' },
  { value: 'dark', label: 'dark' },
  { value: 'light', label: 'light' },
];

/** Theme, keys, and on phones what the top bar has no room for. */
export function Help() {
  const close = (): void => {
    over.value = null;
  };
  const pick = (c: Choice): void => {
    remember(c);
    setParams({ theme: c === 'auto' ? null : c }, 'replace');
  };
  return (
    <Dialog title="Looks and keys" onClose={close}>
      <Segments label="Theme" value={choice.value} choices={THEMES} onChange={pick} />
      <div class="form-row phone-only">
        <button type="button" class="button" onClick={() => (over.value = 'search')}>
          Search
        </button>{' '}
        <button type="button" class="button" onClick={() => (over.value = 'range')}>
          Time range
        </button>{' '}
        <a class="button" href={href('discover')} onClick={close}>
          Discovery
        </a>{' '}
        <button type="button" class="button" aria-pressed={live.value} onClick={toggleLive}>
          <span class={`dot ${live.value ? 'on' : ''}`} aria-hidden="true" /> Live
        </button>
      </div>
      <div class="form-row">
        <input id="letters" type="checkbox" checked={letters.value} onChange={(e) => setLetters(e.currentTarget.checked)} />
        <label for="letters">Keys of a single letter</label>
      </div>
      <dl class="keys-list">
        {KEYS.map(([key, what]) => (
          <>
            <dt>
              {key.split(' ').map((k) => (
                <>
                  <kbd>{k}</kbd>{' '}
                </>
              ))}
            </dt>
            <dd class="prose">{what}</dd>
          </>
        ))}
      </dl>
    </Dialog>
  );
}
