/* The little of node that unit tests use; @types/node would leak into the page's own types. */
declare module 'node:test' {
  export function test(name: string, f: () => void | Promise<void>): void;
}
declare module 'node:assert/strict' {
  const assert: {
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    match(actual: string, re: RegExp): void;
    ok(value: unknown, message?: string): void;
  };
  export default assert;
}
