/** A row of buttons of which one is pressed. */
export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
}

export function Segments<T extends string>(props: {
  label: string;
  value: T | undefined;
  choices: readonly Choice<T>[];
  onChange: (value: T) => void;
  class?: string;
}) {
  return (
    <div class={`segments ${props.class ?? ''}`} role="group" aria-label={props.label}>
      {props.choices.map((c) => (
        <button key={c.value} type="button" aria-pressed={c.value === props.value} onClick={() => props.onChange(c.value)}>
          {c.label}
        </button>
      ))}
    </div>
  );
}
