// A border between two parts that is dragged, or moved with the arrow keys.
import { useRef } from "preact/hooks";

interface Props {
  label: string;
  /** The size of the part that it resizes, its bounds, and the direction in which that part grows. */
  size: number;
  least: number;
  most: number;
  grows: "right" | "left" | "down" | "up";
  onSize: (size: number) => void;
}

const KEYS = 16;

export function Splitter({ label, size, least, most, grows, onSize }: Props) {
  const begin = useRef<{ at: number; size: number } | null>(null);
  const upright = grows === "right" || grows === "left";
  const sign = grows === "right" || grows === "down" ? 1 : -1;
  const set = (wanted: number) => {
    onSize(Math.round(Math.min(most, Math.max(least, wanted))));
  };
  return (
    <div
      class={`bk-grip ${upright ? "bk-upright" : "bk-level"} bk-grows-${grows}`}
      role="separator"
      aria-label={label}
      aria-orientation={upright ? "vertical" : "horizontal"}
      aria-valuenow={size}
      aria-valuemin={least}
      aria-valuemax={most}
      tabIndex={0}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        begin.current = { at: upright ? event.clientX : event.clientY, size };
      }}
      onPointerMove={(event) => {
        if (begin.current)
          set(begin.current.size + sign * ((upright ? event.clientX : event.clientY) - begin.current.at));
      }}
      onPointerUp={() => {
        begin.current = null;
      }}
      onKeyDown={(event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();
        set(size + sign * step * KEYS);
      }}
    />
  );
}
