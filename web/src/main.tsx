import './styles/tokens.css';
import './styles/base.css';
import './styles/frame.css';
import './styles/parts.css';
import './styles/overview.css';
import 'uplot/dist/uPlot.min.css';
import './styles/explore.css';
import './styles/discover.css';
import './styles/tables.css';
import { render } from 'preact';
import { App } from './app';
import { startClock } from './lib/clocks';
import { startKeys } from './lib/keys';
import { startPlace } from './lib/place';
import { startShared } from './lib/shared';
import { startTab } from './lib/tab';
import { startTheme } from './lib/theme';

startPlace();
startTheme();
startClock();
startKeys();
startShared();
startTab();
const root = document.getElementById('app');
if (root) render(<App />, root);
// Keeps the shell, so that a reload while earshot is gone still says so. Needs a secure context.
if ('serviceWorker' in navigator) navigator.serviceWorker.register('sw.js').catch(() => undefined);
