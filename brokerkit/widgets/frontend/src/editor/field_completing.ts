// What completes the names of fields while JSON is typed: what is known of the topic, at the place of the caret.
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";

import type { JsonField } from "../protocol";

interface Around {
  list: boolean;
  key: string | null;
  keys: Set<string>;
  /** Whether the next text is the name of a field. */
  naming: boolean;
}

/** Where the name of a field is being typed. */
export interface Place {
  path: (string | number)[];
  /** The names that the object has already. */
  taken: Set<string>;
  start: number;
  quoted: boolean;
}

const TOKENS = /"(?:[^"\\\n]|\\.)*("?)|[{}[\],:]/g;

function named(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    return token.slice(1, -1);
  }
}

/** The place of the name that is typed at a caret; null where none is. What stands around may be broken. */
export function placeOf(text: string, caret: number): Place | null {
  const stack: Around[] = [];
  let typed: number | null = null;
  for (const found of text.matchAll(TOKENS)) {
    const [token, closed] = found;
    const end = found.index + token.length;
    if (found.index >= caret) break;
    const now = stack.at(-1);
    if (token.startsWith('"')) {
      if (caret < end || (caret === end && !closed)) {
        if (!now?.naming) return null;
        typed = found.index + 1;
        break;
      }
      if (now?.naming) now.key = named(token);
    } else if (token === "{" || token === "[")
      stack.push({ list: token === "[", key: null, keys: new Set(), naming: token === "{" });
    else if (token === "}" || token === "]") stack.pop();
    else if (now && !now.list && token === ":") {
      if (now.naming && now.key !== null) now.keys.add(now.key);
      now.naming = false;
    } else if (now && !now.list) now.naming = true;
  }
  const last = stack.at(-1);
  if (!last?.naming) return null;
  const bare = typed === null ? (/[A-Za-z_]\w*$/.exec(text.slice(0, caret))?.[0] ?? "") : "";
  // a name that is complete is followed by a colon
  if (typed === null && /"\s*$/.test(text.slice(0, caret - bare.length))) return null;
  return {
    path: stack.slice(0, -1).map(({ list, key }) => (list ? 0 : (key ?? ""))),
    taken: new Set([...last.keys, ...namesAfter(text.slice(caret))]),
    start: typed ?? caret - bare.length,
    quoted: typed !== null,
  };
}

/** The names of the same object that stand behind the caret. */
function namesAfter(rest: string): string[] {
  const names: string[] = [];
  let depth = 0;
  let last = "";
  for (const [token] of rest.replace(/^\w*"/, "").matchAll(TOKENS)) {
    if (token.startsWith('"')) last = named(token);
    else if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    else if (token === ":" && depth === 0) names.push(last);
    if (depth < 0) break;
  }
  return names;
}

/** A name as JSON, without quotes; what would hide or turn what follows is written as its number. */
export function asJson(name: string): string {
  return JSON.stringify(name)
    .slice(1, -1)
    .replace(/[^\P{C}]|[\p{Zl}\p{Zp}]/gu, (each) =>
      Array.from(
        { length: each.length },
        (_, at) => `\\u${each.charCodeAt(at).toString(16).padStart(4, "0")}`,
      ).join(""),
    );
}

function take(view: EditorView, quoted: boolean, name: string, from: number, to: number): void {
  const rest = view.state.sliceDoc(to, Math.min(view.state.doc.length, to + 200));
  const more = quoted ? (/^\w*"/.exec(rest)?.[0].length ?? 0) : 0;
  const colon = /^\s*:/.test(rest.slice(more)) ? "" : ": ";
  const made = `${quoted ? "" : '"'}${name}"${colon}`;
  view.dispatch({
    changes: { from, to: to + more, insert: made },
    selection: { anchor: from + made.length },
    userEvent: "input.complete",
  });
}

/** The fields that may be meant at the caret. */
export function offered(context: CompletionContext, fields: readonly JsonField[]): CompletionResult | null {
  const place = placeOf(context.state.doc.toString(), context.pos);
  if (!place || (!place.quoted && place.start === context.pos && !context.explicit)) return null;
  const options: Completion[] = [];
  for (const { path, kind } of fields) {
    const name = path.at(-1);
    if (typeof name !== "string" || place.taken.has(name) || path.length !== place.path.length + 1) continue;
    if (!place.path.every((each, at) => each === path[at])) continue;
    const shown = asJson(name);
    options.push({
      label: shown,
      detail: kind,
      apply: (view, _, from, to) => {
        take(view, place.quoted, shown, from, to);
      },
    });
  }
  return options.length ? { from: place.start, options, validFor: /^[\w.-]*$/ } : null;
}
