/* app: the frame around the page that the URL names. */
import { useEffect, useRef } from 'preact/hooks';
import { place, type Page } from './lib/place';
import { lost } from './lib/connection';
import { over } from './lib/ui';
import { Banner } from './parts/banner';
import { Bottombar } from './parts/bottombar';
import { Help } from './parts/help';
import { RangeDialog } from './parts/rangedialog';
import { Search } from './parts/search';
import { Sidebar } from './parts/sidebar';
import { OverviewPage } from './pages/overview/page';
import { ExplorePage } from './pages/explore/page';
import { TargetsPage } from './pages/targets/page';
import { DiscoverPage } from './pages/discover/page';
import { StatusPage } from './pages/status/page';
import { Topbar } from './parts/topbar';

const SHOWN: Readonly<Record<Page, () => preact.JSX.Element>> = {
  overview: OverviewPage,
  explore: ExplorePage,
  targets: TargetsPage,
  status: StatusPage,
  discover: DiscoverPage,
};

export function App() {
  const { page } = place.value;
  const Shown = SHOWN[page];
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true }); // a new page is read from its start
    first.current = false;
  }, [page]);
  return (
    <div class={`frame ${lost.value ? 'old' : ''}`}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <Sidebar />
      <div class="column">
        <Topbar />
        <main id="main" class="page" tabIndex={-1} ref={main}>
          <Banner />
          <Shown key={page} />
        </main>
      </div>
      <Bottombar />
      {over.value === 'search' && <Search />}
      {over.value === 'help' && <Help />}
      {over.value === 'range' && <RangeDialog />}
    </div>
  );
}
