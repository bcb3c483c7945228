import { useState } from 'preact/hooks';
import { setParams } from '../../lib/place';
import { Segments } from '../../parts/segments';
import { kind, view } from './state';

/** How the answer is shown. */
export function Tools() {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(location.href);
      setCopied(true);
      setTimeout(() => setCopied(false), 3000);
    } catch {
      setCopied(false); // no clipboard on a page without TLS: the address bar holds the same
    }
  };
  return (
    <div class="tools">
      <Segments
        label="View"
        value={view()}
        choices={[
          { value: 'both', label: 'Graph and table' },
          { value: 'graph', label: 'Graph' },
          { value: 'table', label: 'Table' },
        ]}
        onChange={(v) => setParams({ view: v === 'both' ? null : v }, 'replace')}
      />
      <Segments
        label="Drawn as"
        value={kind()}
        choices={[
          { value: 'lines', label: 'Lines' },
          { value: 'stacked', label: 'Stacked' },
        ]}
        onChange={(k) => setParams({ kind: k === 'lines' ? null : k }, 'replace')}
      />
      {'clipboard' in navigator && (
        <button type="button" class="button plain copy" onClick={() => void copy()}>
          {copied ? 'Copied' : 'Copy link'}
        </button>
      )}
    </div>
  );
}
