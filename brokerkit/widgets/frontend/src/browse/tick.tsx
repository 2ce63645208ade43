// A box to choose something with, that may be chosen in part.
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  label: string;
  on: boolean;
  /** Whether some of it is chosen. */
  some?: boolean;
  choose: (on: boolean) => void;
}

export function Tick({ label, on, some = false, choose }: Props) {
  const box = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (box.current) box.current.indeterminate = some && !on;
  }, [some, on]);
  return (
    <input
      type="checkbox"
      aria-label={label}
      ref={box}
      checked={on}
      onClick={(event) => {
        event.stopPropagation();
      }}
      onChange={() => {
        choose(!on);
      }}
    />
  );
}
