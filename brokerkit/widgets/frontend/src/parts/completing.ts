// What completes Python that reads fields of the value, while it is typed.
import type { FieldSeen } from "../protocol";

const MOST = 12;
const CHAIN =
  /(?:^|[^\w."'\]])(value(?:\[(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+)\])*(?:\[(?:["'][^"'\]]*|\w*)|\.[\w.]*)?)$/;
const WORD = /(?:^|[^\w."'\]])([A-Za-z_]\w*)$/;
const KEYWORDS = new Set(
  "and or not in is if else for lambda None True False len str int float any all min max sum abs".split(" "),
);

export interface Completion {
  /** Where what is replaced begins. */
  start: number;
  fields: FieldSeen[];
}

/** The Python for what is typed of a chain: fields by dots or in any quotes as they are in `python`. */
function written(chain: string): string {
  return chain
    .replace(/\['((?:[^'\\"]|\\.)*)'\]/g, '["$1"]')
    .replace(/\.([^.[\]]+)(?=\.)/g, '["$1"]')
    .replace(/\.([^.[\]]*)$/, '["$1')
    .replace(/\['([^']*)$/, '["$1')
    .replace(/\[([A-Za-z_]\w*)$/, '["$1');
}

function inText(before: string): boolean {
  let quote = "";
  for (let at = 0; at < before.length; at += 1) {
    const each = before.charAt(at);
    if (quote && each === "\\") at += 1;
    else if (quote) quote = each === quote ? "" : quote;
    else if (each === '"' || each === "'") quote = each;
  }
  return quote !== "";
}

/** The fields that may be meant at a place of a text; null where none is being typed. */
export function completed(text: string, caret: number, fields: readonly FieldSeen[]): Completion | null {
  const before = text.slice(0, caret);
  const chain = CHAIN.exec(before)?.[1];
  const word = chain === undefined ? WORD.exec(before)?.[1] : undefined;
  const typed = chain ?? word;
  if (typed === undefined) return null;
  const start = caret - typed.length;
  if (inText(before.slice(0, start)) || (word !== undefined && KEYWORDS.has(word))) return null;
  const like = chain === undefined ? typed.toLowerCase() : written(chain).toLowerCase();
  const found = fields.filter(({ name, python }) =>
    chain === undefined
      ? name
          .toLowerCase()
          .split(".")
          .some((part) => part.startsWith(like))
      : python.toLowerCase().startsWith(like) && python !== chain,
  );
  return found.length ? { start, fields: found.slice(0, MOST) } : null;
}

/** The text with a field in place of what was typed of it, and where the caret is then. */
export function withField(
  text: string,
  caret: number,
  { start }: Completion,
  field: FieldSeen,
): { text: string; caret: number } {
  // the ends of what was typed of it are typed again
  const open = /\[["']?[^\]]*$/.test(text.slice(start, caret));
  const rest = open ? text.slice(caret).replace(/^\w*["']?\]/, "") : text.slice(caret);
  const made = text.slice(0, start) + field.python;
  return { text: made + rest, caret: made.length };
}
