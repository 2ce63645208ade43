// A box to choose something with, that may be chosen in part.
import { useLayoutEffect, useRef } from "preact/hooks";

import { useHeld } from "../host/answers";

interface Props {
  label: string;
  on: boolean;
  /** Whether some of it is chosen. */
  some?: boolean;
  choose: (on: boolean) => void;
}

export function Tick({ label, on, some = false, choose }: Props) {
  const box = useRef<HTMLInputElement>(null);
  const [shown, keep] = useHeld(on);
  useLayoutEffect(() => {
    if (box.current) box.current.indeterminate = some && !shown;
  }, [some, shown]);
  return (
    <input
      type="checkbox"
      aria-label={label}
      ref={box}
      checked={shown}
      onClick={(event) => {
        event.stopPropagation();
      }}
      onChange={() => {
        choose(!shown);
        keep(!shown);
      }}
    />
  );
}
