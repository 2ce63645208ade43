// The editor of a value: JSON with colours, brackets and marks. It is a module of its own, loaded when it is needed.
import { acceptCompletion, autocompletion, closeCompletion, startCompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import {
  bracketMatching,
  foldGutter,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState, Prec, Transaction } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import type { Editor, EditorModule, Settings } from "../compose/editor_module";
import type { JsonField } from "../protocol";
import { offered, placeOf } from "./field_completing";

const COLOURS = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--bk-accent)" },
  { tag: [tags.string], color: "var(--bk-good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--bk-alt)" },
]);

const LOOK = EditorView.theme({
  "&": {
    color: "var(--bk-ink)",
    backgroundColor: "var(--bk-field)",
    border: "1px solid var(--bk-edge)",
    borderRadius: "4px",
    fontSize: "12px",
    minHeight: "168px",
    maxHeight: "var(--bk-editor-most, 420px)",
  },
  "&.cm-focused": { outline: "2px solid var(--bk-accent)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--bk-mono)", lineHeight: "1.5", overflow: "auto" },
  ".cm-content": { caretColor: "var(--bk-ink)", minHeight: "160px" },
  ".cm-cursor": { borderLeftColor: "var(--bk-ink)" },
  ".cm-gutters": {
    backgroundColor: "var(--bk-soft)",
    color: "var(--bk-dim)",
    border: "0",
    borderRight: "1px solid var(--bk-line)",
  },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "color-mix(in srgb, var(--bk-accent) 30%, transparent)",
  },
  "&.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--bk-on)",
    outline: "1px solid var(--bk-edge)",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--bk-bg)",
    color: "var(--bk-ink)",
    border: "1px solid var(--bk-edge)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--bk-mono)", maxHeight: "180px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--bk-accent)",
    color: "var(--bk-bg)",
  },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "600" },
  ".cm-completionDetail": { fontFamily: "var(--bk-ui)", fontStyle: "normal" },
  ".cm-diagnostic": { fontFamily: "var(--bk-ui)", whiteSpace: "pre-wrap" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--bk-soft)", color: "var(--bk-dim)", border: "0" },
});

/** End a list of names that is seen, else leave: names that are only looked for do not keep the keyboard. */
function ended(view: EditorView, leave: () => void): boolean {
  const seen = view.dom.querySelector(".cm-tooltip-autocomplete") !== null;
  closeCompletion(view);
  if (!seen) leave();
  return true;
}

function made({ root, parent, label, text, caret, onWrite, onLeave }: Settings): Editor {
  let fields: readonly JsonField[] = [];
  const view = new EditorView({
    root,
    parent,
    state: EditorState.create({
      doc: text,
      selection: { anchor: Math.min(caret, text.length) },
      extensions: [
        lineNumbers(),
        foldGutter(),
        lintGutter(),
        history(),
        drawSelection(),
        indentUnit.of("  "),
        indentOnInput(),
        bracketMatching(),
        json(),
        syntaxHighlighting(COLOURS),
        LOOK,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
        // Tab is for indenting, so Escape and Tab lead out; it comes before the keys of the list of names
        Prec.highest(keymap.of([{ key: "Escape", run: (its) => ended(its, onLeave) }])),
        autocompletion({ icons: false, override: [(context) => offered(context, fields)] }),
        keymap.of([
          { key: "Tab", run: acceptCompletion },
          ...lintKeymap,
          ...historyKeymap,
          indentWithTab,
          ...defaultKeymap,
        ]),
        EditorView.updateListener.of((update) => {
          const typed = update.transactions.some(
            (each) => each.docChanged && each.annotation(Transaction.remote) !== true,
          );
          if (typed) onWrite(view.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    get text() {
      return view.state.doc.toString();
    },
    get focused() {
      return view.hasFocus;
    },
    set(wanted) {
      if (wanted === view.state.doc.toString()) return;
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: wanted },
        annotations: Transaction.remote.of(true),
      });
    },
    mark(placed) {
      const most = view.state.doc.length;
      view.dispatch(
        setDiagnostics(
          view.state,
          placed.map(({ start, end, text: message }) => ({
            from: Math.min(start, most),
            to: Math.min(Math.max(start, end), most),
            severity: "error" as const,
            message,
          })),
        ),
      );
    },
    complete(known) {
      fields = known;
      const { doc, selection } = view.state;
      // somebody who types a name already was offered nothing
      if (view.hasFocus && placeOf(doc.toString(), selection.main.head)?.quoted) startCompletion(view);
    },
    focus() {
      view.focus();
    },
    close() {
      view.destroy();
    },
  };
}

const module: EditorModule = { edit: made };
export default module;
