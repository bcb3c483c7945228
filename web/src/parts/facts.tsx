/** What there is to say, line by line: what it is, and what it is now. */
export function Facts({ lines }: { lines: readonly (readonly [string, string])[] }) {
  return (
    <dl class="facts-list">
      {lines.map(([label, text]) => (
        <>
          <dt>{label}</dt>
          <dd>{text}</dd>
        </>
      ))}
    </dl>
  );
}
