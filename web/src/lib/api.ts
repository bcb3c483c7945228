/* api: asking earshot. Paths are relative to where the page was loaded from, so that a path prefix
 * in front of it (external_url) needs no setting. */
import { missed, reached, setProbe } from './connection';
import type { InstantData, RangeData } from './prom';
import type { Span } from './range';

export type Params = Readonly<Record<string, string | readonly string[]>>;

/** The server answered, and the answer is no. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    text: string,
  ) {
    super(text);
  }
}
/** Nobody answered. */
export class Unreachable extends Error {
  constructor() {
    super('earshot does not answer.');
  }
}

const base = (): string => location.pathname.replace(/[^/]*$/, '');
const LONG_QUERY = 2000; // characters; beyond, the query goes as a form

export function url(path: string, params: Params = {}): string {
  const query = form(params).toString();
  return `${base()}${path}${query ? `?${query}` : ''}`;
}

function form(params: Params): URLSearchParams {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    for (const one of typeof value === 'string' ? [value] : value) out.append(name, one);
  return out;
}

async function ask(path: string, params: Params, signal: AbortSignal | undefined): Promise<Response> {
  const query = form(params);
  const long = query.toString().length > LONG_QUERY;
  let response: Response;
  try {
    response = await fetch(long ? url(path) : url(path, params), {
      ...(long ? { method: 'POST', body: query } : {}),
      ...(signal ? { signal } : {}),
      headers: { Accept: 'application/json' },
      credentials: 'same-origin',
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    missed();
    throw new Unreachable();
  }
  if (response.status === 502 || response.status === 504) {
    missed(); // a proxy in front of it answers for a server that is gone
    throw new Unreachable();
  }
  reached();
  return response;
}

function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null;
}

async function json(response: Response): Promise<unknown> {
  try {
    return (await response.json()) as unknown;
  } catch {
    throw new ApiError(response.status, 'internal', `The answer is not JSON (HTTP ${response.status}).`);
  }
}

export interface Answer<T> {
  readonly data: T;
  readonly warnings: readonly string[];
}

/** A path of the Prometheus API: unwraps {status, data}. */
export async function answer<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<Answer<T>> {
  const response = await ask(`api/v1/${path}`, params, signal);
  const body = await json(response);
  if (!isRecord(body) || body['status'] !== 'success') {
    const error = isRecord(body) && typeof body['error'] === 'string' ? body['error'] : response.statusText;
    const type = isRecord(body) && typeof body['errorType'] === 'string' ? body['errorType'] : 'internal';
    throw new ApiError(response.status, type, error || `HTTP ${response.status}`);
  }
  const list = (v: unknown): string[] => (Array.isArray(v) ? v.filter((w): w is string => typeof w === 'string') : []);
  return { data: body['data'] as T, warnings: [...list(body['warnings']), ...list(body['infos'])] };
}

export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  return (await answer<T>(path, params, signal)).data;
}

/** What an answer that is no says: a line of text, or the error of an object. */
function words(text: string): string {
  try {
    const body = JSON.parse(text) as unknown;
    return isRecord(body) && typeof body['error'] === 'string' ? body['error'] : text.trim();
  } catch {
    return text.trim();
  }
}

/** A path of earshot's own. */
export async function own<T>(path: string, signal?: AbortSignal, params: Params = {}): Promise<T> {
  const response = await ask(`api/earshot/v1/${path}`, params, signal);
  if (!response.ok) throw new ApiError(response.status, 'own', words(await response.text()) || `HTTP ${response.status}`);
  return (await json(response)) as T;
}

/** A path of earshot's own that changes something. */
export async function tell<T>(path: string, params: Params = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url(`api/earshot/v1/${path}`), { method: 'POST', body: form(params), headers: { Accept: 'application/json' }, credentials: 'same-origin' });
  } catch {
    missed();
    throw new Unreachable();
  }
  reached();
  if (!response.ok) throw new ApiError(response.status, 'own', words(await response.text()) || `HTTP ${response.status}`);
  return (await json(response)) as T;
}

export function instant(query: string, time?: number, signal?: AbortSignal): Promise<InstantData> {
  return get<InstantData>('query', time === undefined ? { query } : { query, time: time.toFixed(3) }, signal);
}

export function range(query: string, span: Span, step: number, signal?: AbortSignal): Promise<RangeData> {
  return get<RangeData>('query_range', rangeArgs(query, span, step), signal);
}

export function rangeArgs(query: string, span: Span, step: number): Params {
  return { query, start: span.from.toFixed(3), end: span.to.toFixed(3), step: String(step) };
}

setProbe(async () => {
  try {
    const response = await fetch(url('-/healthy'), { cache: 'no-store' });
    return response.status !== 502 && response.status !== 504;
  } catch {
    return false;
  }
});
