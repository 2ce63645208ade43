// A moment as a text, with the moment in the zone of the person and in UTC while the mouse or the keyboard is on it.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { bothZones } from "./moments";
import { placeBelow } from "./place_below";
import "./moment.css";

interface Props {
  /** In milliseconds since 1970; null where the text is of no moment. A span has two. */
  at: number | readonly number[] | null;
  children: ComponentChildren;
  class?: string;
  /** Whether it is in a row that takes the keyboard: the row's keys are enough. */
  inRow?: boolean;
}

export function Moment({ at, children, class: extra = "", inRow = false }: Props) {
  const shown = useSignal(false);
  const own = useRef<HTMLTimeElement>(null);
  const tip = useRef<HTMLSpanElement>(null);
  const id = useMemo(() => `bk-moment-${Math.random().toString(36).slice(2)}`, []);
  const ats = at === null ? [] : typeof at === "number" ? [at] : at;
  const said = ats.map((each) => bothZones(each)).join("\n");
  useEffect(() => {
    const node = own.current;
    const holder = inRow ? node?.closest<HTMLElement>("[tabindex]") : node;
    if (!node || !holder) return undefined;
    const turn = (on: boolean) => () => {
      shown.value = on;
    };
    const focused = () => {
      shown.value = holder.matches(":focus-visible");
    };
    const left = turn(false);
    const ends = [
      [node, "pointerenter", turn(true)],
      [node, "pointerleave", left],
      [holder, "focus", focused],
      [holder, "blur", left],
    ] as const;
    for (const [of, kind, act] of ends) of.addEventListener(kind, act);
    return () => {
      for (const [of, kind, act] of ends) of.removeEventListener(kind, act);
    };
  }, [inRow, shown, said]);
  const open = shown.value && said !== "";
  useLayoutEffect(() => {
    const [from, to] = [own.current, tip.current];
    if (!open || !from || !to) return undefined;
    const place = () => {
      placeBelow(from, to);
    };
    place();
    document.addEventListener("scroll", place, true);
    return () => {
      document.removeEventListener("scroll", place, true);
    };
  }, [open, said]);
  const [first] = ats;
  if (first === undefined || !said) return <span class={extra}>{children}</span>;
  return (
    <time
      class={`bk-moment ${extra}`.trim()}
      dateTime={new Date(first).toISOString()}
      ref={own}
      tabIndex={inRow ? undefined : 0}
      aria-describedby={open ? id : undefined}
    >
      {children}
      {open && (
        <span class="bk-tip" role="tooltip" id={id} ref={tip}>
          {said}
        </span>
      )}
    </time>
  );
}
