import { useEffect, useRef, useState } from 'preact/hooks';
import type { RefObject } from 'preact';

/** Width of an element in whole pixels, as it changes. */
export function useWidth<E extends Element>(): [RefObject<E | null>, number] {
  const ref = useRef<E | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!ref.current) return undefined;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.round(entry?.contentRect.width ?? 0)));
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, []);
  return [ref, width];
}
