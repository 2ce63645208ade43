// The tab of the messages: query, histogram, table, and beside it the chosen message.
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { useHeld } from "../host/answers";
import { Splitter } from "../parts/splitter";
import type { VirtualRowsHandle } from "../parts/virtual_rows";
import { Chosen, Columns } from "./actions";
import { ChangeDialog } from "./change";
import { Compared } from "./compared";
import { Detail } from "./detail";
import { Export } from "./export";
import { Histogram } from "./histogram";
import { Query } from "./query";
import type { Store } from "./store";
import { MessageTable } from "./table";

const STACKED = 860;
const WIDE = 1700;
const SIZES = { stacked: 260, narrow: 364, usual: 396, wide: 560 };

interface Props {
  store: Store;
  /** The width of the workbench, and of what is beside the list of topics. */
  width: number;
  room: number;
  filter: { current: HTMLInputElement | null };
  table: { current: VirtualRowsHandle | null };
}

function usualSize(width: number): number {
  if (width < STACKED) return SIZES.stacked;
  if (width >= WIDE) return SIZES.wide;
  return width < 1280 ? SIZES.narrow : SIZES.usual;
}

export function Messages({ store, width, room: own, filter, table }: Props) {
  const { send } = store.line;
  const now = store.line.state.value;
  const focus = useRef<(() => void) | null>(null);
  const [expand, keepExpand] = useHeld(now.expand);
  const enter = useRef(false);
  const split = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(1_000);
  const stacked = width < STACKED;
  useLayoutEffect(() => {
    const { current } = split;
    if (current) setRoom(stacked ? current.clientHeight : current.clientWidth);
  }, [own, stacked]);
  const compared = store.compared.value;
  const open = store.message.value !== null && !compared;
  const most = Math.max(240, room - 200);
  const size = Math.min(store.detailSize.value ?? usualSize(width), most);
  const sizes = `minmax(0, 1fr) ${String(size)}px`;
  const style = !open ? {} : stacked ? { gridTemplateRows: sizes } : { gridTemplateColumns: sizes };
  return (
    <div class="bk-view" role="tabpanel" aria-label="Messages">
      <Query store={store} room={own} filter={filter} />
      <Histogram store={store} />
      <div class="bk-tools">
        <label>
          <input
            type="checkbox"
            checked={expand}
            disabled={!now.topic}
            onChange={(event) => {
              send({ type: "expand", on: event.currentTarget.checked });
              keepExpand(event.currentTarget.checked);
            }}
          />{" "}
          JSON fields
        </label>
        <Columns store={store} />
        <Export store={store} />
      </div>
      <div
        class={`bk-split${compared ? " bk-comparing" : ""}${open ? " bk-open" : ""}${stacked ? " bk-stacked" : ""}`}
        ref={split}
        style={style}
      >
        <MessageTable
          store={store}
          width={stacked ? own : open ? room - size : room}
          table={table}
          focusSearch={() => filter.current?.focus()}
          enter={enter}
          focusMessage={() => focus.current?.()}
        />
        {compared && (
          <Compared
            store={store}
            rows={compared}
            leave={() => {
              requestAnimationFrame(() => table.current?.focus());
            }}
          />
        )}
        {open && (
          <div class="bk-beside">
            <Splitter
              label="Size of the message"
              size={size}
              least={240}
              most={most}
              grows={stacked ? "up" : "left"}
              onSize={(wanted) => {
                store.detailSize.value = wanted;
              }}
            />
            <Detail store={store} enter={enter} focus={focus} leave={() => table.current?.focus()} />
          </div>
        )}
      </div>
      <Chosen store={store} />
      <ChangeDialog store={store} />
    </div>
  );
}
