import { useEffect, useRef, useState } from 'preact/hooks';
import type { Editor } from '../../editor/editor';
import type { mistake } from './question';

export interface EditorBoxProps {
  readonly text: string; // as it is being written
  readonly asked: string; // as the URL has it
  readonly onChange: (text: string) => void;
  readonly onRun: () => void;
  readonly wrong: ReturnType<typeof mistake>;
  readonly handle: { current: Editor | null };
}

/** The expression: a plain text field until (or unless) the editor's chunk is there. */
export function EditorBox({ text, asked, onChange, onRun, wrong, handle }: EditorBoxProps) {
  const host = useRef<HTMLDivElement>(null);
  const [ready, setReady] = useState(false);
  const latest = useRef({ text, onChange, onRun });
  latest.current = { text, onChange, onRun };
  useEffect(() => {
    let gone = false;
    import('../../editor/editor').then(
      ({ mount }) => {
        if (gone || !host.current) return;
        const base = location.pathname.replace(/[^/]*$/, '');
        handle.current = mount(host.current, {
          text: latest.current.text,
          label: 'PromQL expression',
          base,
          onChange: (t) => latest.current.onChange(t),
          onRun: () => latest.current.onRun(),
        });
        setReady(true);
      },
      () => undefined, // the plain field stays
    );
    return () => {
      gone = true;
      handle.current?.destroy();
      handle.current = null;
    };
  }, []);
  // Only what was asked is put into the editor; its own text comes back too late to be put in again.
  useEffect(() => handle.current?.set(asked), [asked]);
  useEffect(() => handle.current?.mark(wrong), [wrong?.text, wrong?.column, wrong?.line, ready]);
  return (
    <div class="editor-box">
      <div ref={host} class="editor-host" data-test="editor" hidden={!ready} />
      {!ready && (
        <textarea
          class="editor-plain mono"
          aria-label="PromQL expression"
          rows={Math.max(1, text.split('\n').length)}
          value={text}
          onInput={(e) => onChange(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
              e.preventDefault();
              onRun();
            }
          }}
        />
      )}
    </div>
  );
}
