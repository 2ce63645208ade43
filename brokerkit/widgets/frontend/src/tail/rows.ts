// The rows and notes of a tail, bounded: what a message adds to what is shown.
import type { TailNote, TailRow, TailRows } from "../protocol";

const NOTES = 20;

export interface Shown {
  rows: TailRow[];
  notes: TailNote[];
  /** The numbers of the rows that are new. */
  fresh: Set<number>;
}

export const NOTHING: Shown = { rows: [], notes: [], fresh: new Set() };

export function withMessage(shown: Shown, message: TailRows): Shown {
  const before = message.type === "snapshot" ? NOTHING : shown;
  const rows = before.rows.concat(message.rows).slice(-message.most);
  const fresh = new Set(message.type === "snapshot" ? [] : message.rows.map((row) => row.n));
  return { rows, fresh, notes: kept(before.notes.concat(message.notes).slice(-NOTES), rows) };
}

/** The notes among the rows, and the newest of those before the first. */
function kept(notes: TailNote[], rows: TailRow[]): TailNote[] {
  const first = rows[0]?.n;
  if (first === undefined) return notes;
  const old = notes.filter((note) => note.before < first).at(-1);
  const among = notes.filter((note) => note.before >= first);
  return old ? [{ ...old, before: first }, ...among] : among;
}

/** Rows and notes in the order in which they are shown. */
export function inOrder({ rows, notes }: Shown): (TailRow | TailNote)[] {
  const lines: (TailRow | TailNote)[] = [];
  let index = 0;
  const until = (n: number) => {
    for (let note = notes[index]; note && note.before <= n; note = notes[++index]) lines.push(note);
  };
  for (const row of rows) {
    until(row.n);
    lines.push(row);
  }
  until(Infinity);
  return lines;
}
