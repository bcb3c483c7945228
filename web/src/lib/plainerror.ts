/* plainerror: what a scrape's error means, in words; the original stays beside it. */

const RULES: readonly (readonly [RegExp, string])[] = [
  [/no such host|could not resolve|name or service not known|resolve host/i, 'No machine of that name is known (DNS).'],
  [/EHOSTUNREACH|no route to host/i, 'The machine does not answer (no route).'],
  [/ENETUNREACH|network is unreachable/i, 'This host has no way to that network.'],
  [/connection refused|could not connect|failed to connect|couldn't connect/i, 'Nothing listens on that port: the program is not running, or listens elsewhere.'],
  [/context deadline exceeded|timed? ?out|timeout/i, 'No answer in time.'],
  [/connection reset|broken pipe|closed the connection|empty reply|EOF$/i, 'The connection was closed before the answer was whole.'],
  [/certificate (has )?expired|certificate is not yet valid/i, 'Its certificate is out of date.'],
  [/certificate|x509|ssl|tls/i, 'Its certificate is not trusted here.'],
  [/\b401\b|unauthorized/i, 'It asks for a password or token (HTTP 401).'],
  [/\b403\b|forbidden/i, 'It refuses to show its metrics to us (HTTP 403).'],
  [/\b404\b|not found/i, 'The program answers, but has no page at that path (HTTP 404).'],
  [/\b5\d\d\b/, 'The program answers with an error of its own.'],
  [/body size limit|body.*(too large|exceed)|too large/i, 'Its answer is larger than the limit.'],
  [/sample limit|label(_| )limit|limit exceeded|too many (samples|labels)/i, 'It has more samples or labels than the limit allows.'],
  [/content.?type/i, 'Its answer is no metrics page (content type).'],
  [/parse|invalid|expected|unexpected|syntax/i, 'Its answer cannot be read as metrics.'],
];

/** Our own, which says it in words already. */
const OURS = /^tunnel to |^far end refused|has not (come back|had its turn) yet/;

/** undefined when no rule fits: show the text as it is. */
export function plainError(text: string): string | undefined {
  if (OURS.test(text)) return undefined;
  return RULES.find(([re]) => re.test(text))?.[1];
}
