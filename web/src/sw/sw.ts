/* sw: keeps the shell of the page (never data), so that it can say in words that earshot is gone
 * even after a reload. Pages come from the network first; hashed files from the cache first. */
declare const SHELL: readonly string[];
declare const VERSION: string;

interface WorkerEvent extends Event {
  waitUntil(p: Promise<unknown>): void;
}
interface RequestEvent extends WorkerEvent {
  readonly request: Request;
  respondWith(p: Promise<Response>): void;
}
interface Worker_ {
  addEventListener(type: 'install' | 'activate', f: (e: WorkerEvent) => void): void;
  addEventListener(type: 'fetch', f: (e: RequestEvent) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  readonly registration: { readonly scope: string };
}

const worker = self as unknown as Worker_;
const NAME = `earshot-${VERSION}`;

async function fill(): Promise<void> {
  const cache = await caches.open(NAME);
  await cache.addAll([...SHELL]);
  await worker.skipWaiting();
}

async function clean(): Promise<void> {
  const old = (await caches.keys()).filter((n) => n.startsWith('earshot-') && n !== NAME);
  await Promise.all(old.map((n) => caches.delete(n)));
  await worker.clients.claim();
}

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (e) {
    const kept = await caches.match(worker.registration.scope);
    if (kept) return kept;
    throw e;
  }
}

async function asset(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

worker.addEventListener('install', (e) => e.waitUntil(fill()));
worker.addEventListener('activate', (e) => e.waitUntil(clean()));
worker.addEventListener('fetch', (e) => {
  if (e.request.method !== 'GET') return;
  const path = new URL(e.request.url).pathname;
  if (e.request.mode === 'navigate') e.respondWith(page(e.request));
  else if (path.includes('/assets/')) e.respondWith(asset(e.request));
});
