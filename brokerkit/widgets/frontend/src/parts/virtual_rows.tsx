// A list of rows of one height, of which only those in view exist.
import type { ComponentChildren, Ref } from "preact";
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "preact/hooks";

import { heightOf, inView, placeOf, scrollTo, wanted, type Box } from "./window_of";

export interface VirtualRowsHandle {
  focus(): void;
  reveal(index: number): void;
  toStart(): void;
  inView(): number;
}

interface Props<Row> {
  handle: Ref<VirtualRowsHandle>;
  rowHeight: number;
  role: "grid" | "listbox" | "tree";
  label: string;
  class: string;
  total: number;
  first: number;
  rows: Row[];
  head?: ComponentChildren;
  headHeight?: number;
  /** The id of the row that has the keyboard. */
  active: string | undefined;
  /** Changes when rows are to be asked for again. */
  question: string;
  request: (first: number, count: number) => void;
  draw: (row: Row, index: number) => ComponentChildren;
  onKeyDown: (event: KeyboardEvent) => void;
}

export function VirtualRows<Row>(props: Props<Row>) {
  const { total, rowHeight, first, rows, headHeight = 0, request, question } = props;
  const node = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ scrolled: 0, seen: 400 });
  const box: Box = { total, rowHeight, ...place };
  const asked = useRef("");
  const measure = () => {
    const { current } = node;
    if (!current) return;
    const seen = Math.max(rowHeight, current.clientHeight - headHeight);
    setPlace((old) =>
      old.scrolled === current.scrollTop && old.seen === seen ? old : { scrolled: current.scrollTop, seen },
    );
  };
  useLayoutEffect(() => {
    measure();
    if (!node.current) return undefined;
    const watcher = new ResizeObserver(measure);
    watcher.observe(node.current);
    return () => {
      watcher.disconnect();
    };
  }, []);
  useLayoutEffect(measure, [total]);
  const { first: from, count } = wanted(box);
  useEffect(() => {
    const key = `${question} ${String(from)}+${String(count)}`;
    if (key === asked.current) return;
    asked.current = key;
    request(from, count);
  }, [question, from, count, request]);
  useImperativeHandle(props.handle, () => ({
    focus() {
      node.current?.focus();
    },
    reveal(index: number) {
      const target = scrollTo({ ...box, scrolled: node.current?.scrollTop ?? 0 }, index);
      if (target !== null && node.current) node.current.scrollTop = target;
    },
    toStart() {
      if (node.current) node.current.scrollTop = 0;
    },
    inView: () => inView(box),
  }));
  const down = placeOf(box, first);
  return (
    <div
      class={`bk-virtual ${props.class}`}
      ref={node}
      role={props.role}
      aria-label={props.label}
      aria-rowcount={props.role === "grid" ? total + 1 : undefined}
      aria-activedescendant={props.active}
      tabIndex={0}
      onScroll={measure}
      onKeyDown={props.onKeyDown}
    >
      {props.head}
      <div class="bk-spacer" role="presentation" style={{ height: `${String(heightOf(box))}px` }}>
        <div class="bk-lines" role="presentation" style={{ transform: `translateY(${String(down)}px)` }}>
          {rows.map((row, index) => props.draw(row, first + index))}
        </div>
      </div>
    </div>
  );
}
