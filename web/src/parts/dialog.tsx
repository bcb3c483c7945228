import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icon';

/** The browser's own modal dialog: focus stays inside, Esc and a click beside it close. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; bare?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  const gone = useRef(false);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      gone.current = true; // the event of this close comes when another dialog may be open
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-label={props.title}
      onClose={() => !gone.current && props.onClose()}
      onClick={(e) => e.target === e.currentTarget && props.onClose()}
    >
      <div class="dialog-body">
        {!props.bare && (
          <div class="dialog-head">
            <h2>{props.title}</h2>
            <button type="button" class="button plain" aria-label="Close" onClick={props.onClose}>
              <Icon name="close" />
            </button>
          </div>
        )}
        {props.children}
      </div>
    </dialog>
  );
}
