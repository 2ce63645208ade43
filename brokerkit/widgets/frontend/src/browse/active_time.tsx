// The moment of the row that has the keyboard, in both zones, once the keys rest on it: the mouse gets it by hovering.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { bothZones } from "../parts/moments";
import { placeBelow } from "../parts/place_below";

/** So many milliseconds, as a hint waits for the mouse. */
const RESTED = 600;

interface Props {
  /** The row's element. */
  row: string;
  at: number | null;
}

export function ActiveTime({ row, at }: Props) {
  const shown = useSignal(false);
  const place = useRef<HTMLSpanElement>(null);
  const tip = useRef<HTMLSpanElement>(null);
  const said = at === null ? "" : bothZones(at);
  useEffect(() => {
    const grid = place.current?.parentElement?.querySelector<HTMLElement>("[role=grid]");
    if (!grid || !said) return undefined;
    const hide = () => {
      shown.value = false;
    };
    const timer = setTimeout(() => {
      shown.value = grid.matches(":focus-visible");
    }, RESTED);
    const ends = ["blur", "scroll", "keydown", "pointerdown"];
    for (const kind of ends) grid.addEventListener(kind, hide);
    return () => {
      clearTimeout(timer);
      hide();
      for (const kind of ends) grid.removeEventListener(kind, hide);
    };
  }, [row, said, shown]);
  const open = shown.value;
  useLayoutEffect(() => {
    const from = place.current?.parentElement?.querySelector(`#${row} .bk-time`);
    if (open && from && tip.current) placeBelow(from, tip.current);
  }, [open, row]);
  return (
    <span ref={place}>
      {open && (
        <span class="bk-tip" role="tooltip" ref={tip}>
          {said}
        </span>
      )}
    </span>
  );
}
