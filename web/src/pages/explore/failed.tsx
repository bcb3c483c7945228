import { ApiError } from '../../lib/api';
import { StateMark } from '../../parts/state';
import { mistake } from './question';

const WORDS: Readonly<Record<string, string>> = {
  bad_data: 'The expression cannot be read.',
  execution: 'The expression was read, but not carried out.',
  timeout: 'It took longer than a query may.',
  canceled: 'The query was ended before it was done.',
  internal: 'earshot failed to answer.',
};

/** What is wrong, and where. */
export function Failed({ error, expr }: { error: Error; expr: string }) {
  const type = error instanceof ApiError ? error.type : '';
  const wrong = type === 'bad_data' ? mistake(error.message) : undefined;
  const line = wrong ? (expr.split('\n')[wrong.line - 1] ?? '') : '';
  return (
    <section class="card broken" role="alert" data-test="failed">
      <p>
        <StateMark state="critical" word={WORDS[type] ?? 'No answer.'} />
      </p>
      {wrong ? (
        <>
          <pre class="code caret">
            {line}
            {'\n'}
            {' '.repeat(Math.max(0, Math.min(wrong.column, line.length) - 1))}
            <span class="state critical">^</span>
          </pre>
          <p class="prose break">
            Line {wrong.line}, column {wrong.column}: {wrong.text}
          </p>
        </>
      ) : (
        <p class="prose break">{error.message}</p>
      )}
    </section>
  );
}
