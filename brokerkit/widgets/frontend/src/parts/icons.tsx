// Signs, drawn in the colour of the text around them. They say nothing to a screen reader: words do.
const PATHS = {
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  up: "M4 10l4-4 4 4",
  x: "M4 4l8 8M12 4l-8 8",
  back: "M9.5 3.5L5 8l4.5 4.5",
  dead: "M3 8V5a5 5 0 0110 0v3l-1.5 2v3h-7v-3zM6.2 6.5v.1M9.8 6.5v.1M7 13v-1.5M9 13v-1.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3l8 5-8 5z",
  clock: "M8 14A6 6 0 108 2a6 6 0 000 12zM8 5v3l2 2",
  find: "M7 12A5 5 0 107 2a5 5 0 000 10zM10.8 10.8L14 14",
  side: "M2 3h12v10H2zM6 3v10",
  sort: "M5 3v10M2.5 10.5L5 13l2.5-2.5M11 13V3M8.5 5.5L11 3l2.5 2.5",
  sync: "M13 8a5 5 0 01-9 3M3 8a5 5 0 019-3M12 2v3H9M4 14v-3h3",
  tree: "M3 3h4M3 3v9h4M3 7.5h4M9 3h4M9 7.5h4M9 12h4",
  plus: "M8 3v10M3 8h10",
  stop: "M4 4h8v8H4z",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  check: "M3 8.5l3.5 3.5L13 4.5",
  warn: "M8 2l6.5 11.5h-13zM8 6.5v3M8 11.6v.1",
  bad: "M8 14A6 6 0 108 2a6 6 0 000 12zM8 5v3.5M8 11v.1",
  info: "M8 14A6 6 0 108 2a6 6 0 000 12zM8 7.5V11M8 5v.1",
  gap: "M3 3v3M3 10v3M6 3h7M6 13h7M6.5 8h.1M9.5 8h.1M12.5 8h.1",
  none: "M8 13A5 5 0 108 3a5 5 0 000 10zM3.5 12.5l9-9",
  bytes: "M4 3.5v3.5M4 9v3.5M8 3.5h3v3.5H8zM8 9h3v3.5H8z",
  lock: "M4 7h8v6H4zM5.5 7V5a2.5 2.5 0 015 0v2",
  mask: "M2 8s2-4 6-4 6 4 6 4-2 4-6 4-6-4-6-4zM3 13L13 3",
  export: "M8 2v8M5 7l3 3 3-3M3 13h10",
  compare: "M3 3h4v10H3zM9 3h4v10H9zM10.5 6h1M10.5 8h1",
  edit: "M3 13l.5-3L11 2.5l2.5 2.5L6 12.5z",
  columns: "M2 3h12v10H2zM6 3v10M10 3v10",
  live: "M8 9a1 1 0 100-2 1 1 0 000 2zM5 11a4 4 0 010-6M11 5a4 4 0 010 6M3 13a7 7 0 010-10M13 3a7 7 0 010 10",
  box: "M2.5 5L8 2l5.5 3v6L8 14l-5.5-3zM2.5 5L8 8l5.5-3M8 8v6",
  again: "M3 6h7a3 3 0 010 6H6M5.5 3.5L3 6l2.5 2.5",
  send: "M2 8l12-5-4 11-2.5-4.5z",
  move: "M2 8h10M9 4.5L12.5 8 9 11.5M14 3v10",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5L5 13h6l.5-8.5",
  help: "M8 14A6 6 0 108 2a6 6 0 000 12zM6.3 6.5A1.7 1.7 0 118 8.2V9M8 11.2v.1",
} as const;

export type Sign = keyof typeof PATHS;

export function Icon({
  sign,
  label,
  class: extra,
}: {
  sign: Sign;
  label?: string | undefined;
  class?: string;
}) {
  return (
    <svg
      class={extra ? `bk-icon ${extra}` : "bk-icon"}
      viewBox="0 0 16 16"
      aria-hidden={label ? undefined : true}
      role={label ? "img" : undefined}
    >
      {label && <title>{label}</title>}
      <path d={PATHS[sign]} />
    </svg>
  );
}
