// How columns are called and how wide they are.
const LABELS: Record<string, string> = {
  publish_time: "Time (UTC)",
  ingestion_time: "Stored (UTC)",
  partition: "Part.",
  offset: "Offset",
  key: "Key",
  value: "Value",
  attributes: "Headers",
  delivery_count: "Deliveries",
  id: "Id",
};
const WIDTHS: Record<string, number> = {
  publish_time: 156,
  ingestion_time: 156,
  partition: 48,
  offset: 84,
  key: 96,
  attributes: 180,
  id: 140,
};
const OTHER = 120;
const LEAST_VALUE = 140;
export const LEAST = 40;
const ROOM_FOR_HEADERS = 1_000;
const ROOM_FOR_KEYS = 600;

/** A column by its name in the frame: a field of the value by its path. */
export function labelOf(name: string): string {
  if (name.startsWith("value.")) return name.slice("value".length);
  return LABELS[name] ?? name;
}

/** The columns of a CSS grid: one takes the room that is left, the value or else the last. */
export function template(names: string[], widths: Record<string, number>): string {
  const wide = names.includes("value") ? "value" : names.at(-1);
  return names
    .map((name) => {
      const set = widths[name];
      if (set !== undefined) return `${String(set)}px`;
      if (name === wide) return `minmax(${String(name === "value" ? LEAST_VALUE : OTHER)}px, 1fr)`;
      return `${String(WIDTHS[name] ?? OTHER)}px`;
    })
    .join(" ");
}

/** The places of the columns that there is room for: usual headers and then keys give way to the value. */
export function fitting(names: string[], usual: boolean, width: number): number[] {
  const places = names.map((_, place) => place);
  const without = new Set<string | undefined>();
  if (usual && width < ROOM_FOR_HEADERS) without.add("attributes");
  if (usual && width < ROOM_FOR_KEYS) without.add("key");
  return places.filter((place) => !without.has(names[place]));
}

/** Where the sentence of a row stands that has no value, and over how many columns: over those of the value. */
export function valueColumns(names: string[]): { first: number; count: number } {
  const first = names.findIndex((name) => name === "value" || name.startsWith("value."));
  let count = 0;
  while (first >= 0 && names[first + count]?.startsWith("value")) count += 1;
  return { first, count };
}

/** The least width of all of them, in pixels. */
export function leastWidth(names: string[], widths: Record<string, number>): number {
  const wide = names.includes("value") ? "value" : names.at(-1);
  return names.reduce((sum, name) => {
    const usual = name === wide ? (name === "value" ? LEAST_VALUE : OTHER) : (WIDTHS[name] ?? OTHER);
    return sum + (widths[name] ?? usual);
  }, 0);
}

/** The order after a column was dropped before another. */
export function moved<Item>(order: Item[], item: Item, before: Item): Item[] {
  if (item === before) return order;
  const rest = order.filter((each) => each !== item);
  const at = rest.indexOf(before);
  // to the right it is dropped behind, to the left before
  const behind = order.indexOf(item) < order.indexOf(before) ? 1 : 0;
  return [...rest.slice(0, at + behind), item, ...rest.slice(at + behind)];
}
