/* editor: CodeMirror with PromQL, in a shadow root (its styles then go into adoptedStyleSheets, which
 * the CSP allows). A lazy chunk of its own: nothing here imports the page. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching } from '@codemirror/language';
import { lintKeymap, setDiagnostics } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, lineNumbers, placeholder } from '@codemirror/view';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { theme } from './theme';

export interface Options {
  readonly text: string;
  readonly label: string;
  readonly base: string; // where api/v1 lies
  readonly onChange: (text: string) => void;
  readonly onRun: () => void;
}

export interface Editor {
  set(text: string): void;
  insert(text: string): void;
  focus(): void;
  /** Marks a mistake at line:column (from 1); undefined takes the mark away. */
  mark(at: { line: number; column: number; text: string } | undefined): void;
  destroy(): void;
}

export function mount(host: HTMLElement, options: Options): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const promql = new PromQLExtension()
    .activateLinter(false) // the server judges; its words and position are shown
    .setComplete({ remote: { url: options.base.replace(/\/$/, ''), httpMethod: 'GET', httpErrorHandler: () => undefined } });
  const run = (): boolean => {
    options.onRun();
    return true;
  };
  const view = new EditorView({
    parent: root as unknown as Element,
    root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        lineNumbers(),
        history(),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ icons: false }),
        promql.asExtension(),
        theme,
        placeholder('PromQL: a metric name, or an expression'),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': options.label, spellcheck: 'false' }),
        Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    set(text) {
      if (text === view.state.doc.toString()) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: text.length } });
    },
    insert(text) {
      view.dispatch(view.state.replaceSelection(text));
      view.focus();
    },
    focus: () => view.focus(),
    mark(at) {
      if (!at) {
        view.dispatch(setDiagnostics(view.state, []));
        return;
      }
      const { doc } = view.state;
      const line = doc.line(Math.max(1, Math.min(doc.lines, at.line)));
      const from = Math.min(line.to, line.from + Math.max(0, at.column - 1));
      const word = /^[\w:]+|^./.exec(doc.sliceString(from, line.to))?.[0].length ?? 0;
      const back = word ? 0 : Math.min(1, from - line.from); // at the end: mark what stands before
      view.dispatch(setDiagnostics(view.state, [{ from: from - back, to: from + word, severity: 'error', message: at.text }]));
    },
    destroy() {
      promql.destroy();
      view.destroy();
    },
  };
}
