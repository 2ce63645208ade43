// Which rows of a list are in view, and where they are drawn. Any number of rows: where all of them are higher
// than an element can be, the scroll bar stands for a share of the list.
export const TALLEST = 8_000_000;
const BEYOND = 20;

export interface Box {
  total: number;
  rowHeight: number;
  /** How far it is scrolled, and how much is seen, in pixels. */
  scrolled: number;
  seen: number;
}

export function heightOf({ total, rowHeight }: Pick<Box, "total" | "rowHeight">): number {
  return Math.min(TALLEST, total * rowHeight);
}

export function inView({ seen, rowHeight }: Pick<Box, "seen" | "rowHeight">): number {
  return Math.max(1, Math.ceil(seen / rowHeight));
}

/** The first row in view. */
export function topOf(box: Box): number {
  if (box.total * box.rowHeight <= TALLEST) return Math.floor(Math.max(0, box.scrolled) / box.rowHeight);
  const room = heightOf(box) - box.seen;
  const share = room <= 0 ? 0 : Math.min(1, Math.max(0, box.scrolled) / room);
  return Math.round(share * Math.max(0, box.total - inView(box) + 1));
}

/** The rows to ask for: those in view and some around them. */
export function wanted(box: Box): { first: number; count: number } {
  return { first: Math.max(0, topOf(box) - BEYOND), count: inView(box) + 2 * BEYOND };
}

/** How far down the row number `first` is drawn. */
export function placeOf(box: Box, first: number): number {
  if (box.total * box.rowHeight <= TALLEST) return first * box.rowHeight;
  return Math.max(0, box.scrolled - (topOf(box) - first) * box.rowHeight);
}

/** How far to scroll so that a row is in view; null where it is. */
export function scrollTo(box: Box, index: number): number | null {
  const top = topOf(box);
  const whole = Math.max(1, Math.floor(box.seen / box.rowHeight));
  const exact = box.total * box.rowHeight <= TALLEST;
  const above = exact ? index * box.rowHeight < box.scrolled : index < top;
  const below = exact ? (index + 1) * box.rowHeight > box.scrolled + box.seen : index >= top + whole;
  if (!above && !below) return null;
  if (exact) return above ? index * box.rowHeight : (index + 1) * box.rowHeight - box.seen;
  const first = Math.max(0, above ? index : index - whole + 1);
  return (first / Math.max(1, box.total - inView(box) + 1)) * (heightOf(box) - box.seen);
}
