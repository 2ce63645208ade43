// A button with a panel that opens below it, wherever there is room.
import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { keptBelow } from "./place_below";

interface Props {
  label: string;
  button: ComponentChildren;
  class?: string;
  onOpen?: () => void;
  /** Whether it is open, where others open it too. */
  opened?: Signal<boolean>;
  children: (close: () => void) => ComponentChildren;
}

function items(panel: HTMLElement): HTMLElement[] {
  return [...panel.querySelectorAll<HTMLElement>("button:not(:disabled), input:not(:disabled), select")];
}

export function Menu({ label, button, children, onOpen, opened, class: extra = "" }: Props) {
  const own = useSignal(false);
  const open = opened ?? own;
  const root = useRef<HTMLSpanElement>(null);
  const anchor = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const close = () => {
    open.value = false;
  };
  const shown = open.value;
  useLayoutEffect(() => {
    const [from, to] = [anchor.current, panel.current];
    if (!shown || !from || !to) return undefined;
    const end = keptBelow(from, to);
    items(to)[0]?.focus();
    const outside = (event: Event) => {
      if (!event.composedPath().includes(root.current as EventTarget)) close();
    };
    document.addEventListener("pointerdown", outside, true);
    return () => {
      end();
      document.removeEventListener("pointerdown", outside, true);
    };
  }, [shown]);
  return (
    <span
      class="bk-pop"
      ref={root}
      onKeyDown={(event) => {
        if (!shown) return;
        const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        const from = event.target as HTMLElement;
        if (by && panel.current && !from.matches("select, input:not([type=checkbox])")) {
          const all = items(panel.current);
          all[(all.indexOf(from) + by + all.length) % all.length]?.focus();
          event.preventDefault();
          event.stopPropagation();
        }
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
        anchor.current?.focus();
      }}
    >
      <button
        type="button"
        class={`bk-btn ${extra}`}
        ref={anchor}
        aria-haspopup="true"
        aria-expanded={shown}
        onClick={() => {
          open.value = !shown;
          if (!shown) onOpen?.();
        }}
      >
        {button}
      </button>
      {shown && (
        <div class="bk-menu" ref={panel} role="group" aria-label={label}>
          {children(close)}
        </div>
      )}
    </span>
  );
}
