import { href, PAGES, place, type Page } from '../lib/place';
import { over } from '../lib/ui';
import { Icon } from './icon';

const RARE: readonly Page[] = ['discover']; // reached by More

/** The way around on phones. */
export function Bottombar() {
  return (
    <nav class="bottom" aria-label="Pages">
      {PAGES.filter((p) => !RARE.includes(p.page)).map((p) => (
        <a key={p.page} href={href(p.page)} aria-current={place.value.page === p.page ? 'page' : undefined}>
          <Icon name={p.page} size={20} />
          {p.title}
        </a>
      ))}
      <button type="button" onClick={() => (over.value = 'help')}>
        <Icon name="more" size={20} />
        More
      </button>
    </nav>
  );
}
