/* theme: the editor in the page's tokens. Custom properties reach into the shadow root. */
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const look = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'transparent', fontSize: '13px', height: '100%' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px', fontVariantLigatures: 'none', fontVariantNumeric: 'tabular-nums' },
  '.cm-content': { padding: '10px 0', caretColor: 'var(--text)' },
  '.cm-line': { padding: '0 12px' },
  '.cm-gutters': { backgroundColor: 'var(--inset)', color: 'var(--text3)', border: 'none', borderRight: '1px solid var(--line)', borderRadius: '9px 0 0 9px' },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '33px', padding: '0 12px 0 8px' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection': { backgroundColor: 'var(--sel) !important' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--sel)', outline: '1px solid var(--line2)' },
  '.cm-placeholder': { color: 'var(--text3)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--line2)', borderRadius: '6px', boxShadow: 'var(--shadow)', color: 'var(--text)', overflow: 'hidden' },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '280px' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px', lineHeight: '18px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--sel)', color: 'var(--text)' },
  '.cm-completionMatchedText': { textDecoration: 'none', color: 'var(--accent)' },
  '.cm-completionDetail': { color: 'var(--text3)', fontStyle: 'normal', fontFamily: 'var(--sans)', fontSize: '11px' },
  '.cm-completionInfo': { fontFamily: 'var(--sans)', fontSize: '12px', lineHeight: '18px', maxWidth: '320px', padding: '8px 10px' },
  '.cm-completionIcon': { display: 'none' },
  '.cm-diagnostic': { fontFamily: 'var(--sans)', fontSize: '12px', padding: '6px 10px', borderLeft: '3px solid var(--crit-f)' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--crit-f) 1px', textUnderlineOffset: '3px' },
  '.cm-lintPoint:after': { borderBottomColor: 'var(--crit-f)' },
});

const words = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: 'var(--accent)' },
  { tag: [tags.function(tags.variableName)], color: 'var(--accent)' },
  { tag: [tags.string], color: 'var(--ok)' },
  { tag: [tags.number, tags.integer, tags.float], color: 'var(--warn)' },
  { tag: [tags.labelName], color: 'var(--text2)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--text3)' },
  { tag: [tags.invalid], color: 'var(--crit)' },
]);

export const theme = [look, syntaxHighlighting(words)];
