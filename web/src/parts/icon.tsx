/** Line icons on a 20-unit grid. */
const PATHS = {
  overview: 'M3.5 9 10 3.5 16.5 9M5 8v8h3.5v-4.5h3V16H15V8',
  explore: 'M3 14.5 7.5 9l3 3L17 5M13.5 5H17v3.5',
  targets: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z',
  status: 'M3 6.5h8M15 6.5h2M3 13.5h2M9 13.5h8M13 4.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM7 11.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4z',
  discover: 'M8.5 4a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM12 12l4.5 4.5M8.5 6.5v4M6.5 8.5h4',
  more: 'M4.5 10h.01M10 10h.01M15.5 10h.01',
  search: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4',
  close: 'M5 5l10 10M15 5 5 15',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width={name === 'more' ? 3 : 1.7}
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
