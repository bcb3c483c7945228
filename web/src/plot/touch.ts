/* touch: a finger reads (tap, horizontal drag), two fingers zoom, a vertical drag scrolls the page
 * (touch-action: pan-y in the style sheet). */
import type uPlot from 'uplot';

export interface TouchEvents {
  readonly onMove: (x: number) => void;
  readonly onPinch: (from: number, to: number) => void;
}

export function touches(u: uPlot, events: TouchEvents): void {
  const down = new Map<number, { start: number; now: number }>();
  const x = (e: PointerEvent): number => e.clientX - u.over.getBoundingClientRect().left;
  const isTouch = (e: PointerEvent): boolean => e.pointerType === 'touch';
  u.over.addEventListener('pointerdown', (e) => {
    if (!isTouch(e)) return;
    down.set(e.pointerId, { start: x(e), now: x(e) });
    if (down.size === 1) events.onMove(x(e));
  });
  u.over.addEventListener('pointermove', (e) => {
    const finger = down.get(e.pointerId);
    if (!finger) return;
    finger.now = x(e);
    if (down.size === 1) events.onMove(finger.now);
  });
  const up = (e: PointerEvent): void => {
    if (down.size === 2) pinch([...down.values()]);
    down.delete(e.pointerId);
  };
  const pinch = (fingers: readonly { start: number; now: number }[]): void => {
    const [a, b] = [...fingers].sort((p, q) => p.start - q.start);
    if (!a || !b || Math.abs(b.start - a.start) < 10 || Math.abs(b.now - a.now) < 10) return;
    const min = u.posToVal(0, 'x');
    const scale = (b.start - a.start) / (b.now - a.now); // < 1: fingers moved apart
    const middle = u.posToVal((a.start + b.start) / 2, 'x');
    const max = u.posToVal(u.over.clientWidth, 'x');
    if (Math.abs(scale - 1) > 0.1) events.onPinch(middle - (middle - min) * scale, middle + (max - middle) * scale);
  };
  u.over.addEventListener('pointerup', up);
  u.over.addEventListener('pointercancel', up);
}
