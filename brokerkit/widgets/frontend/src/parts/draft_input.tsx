// A field that keeps what is typed in it until it is left and Python knows it, whatever state arrives meanwhile.
import { useState } from "preact/hooks";

import { useHeld } from "../host/answers";

interface Props {
  label: string;
  value: string;
  disabled: boolean;
  onSet: (text: string) => void;
  placeholder?: string;
  /** How many characters are in sight; all of the width if it is left out. */
  size?: number;
}

export function DraftInput({ label, value, disabled, onSet, placeholder = "", size = 0 }: Props) {
  const [typed, setTyped] = useState<string | null>(null);
  const [shown, keep] = useHeld(value);
  return (
    <input
      class={size ? undefined : "bk-input"}
      spellcheck={false}
      aria-label={label}
      placeholder={placeholder}
      size={size || undefined}
      value={typed ?? shown}
      disabled={disabled}
      onInput={(event) => {
        setTyped(event.currentTarget.value);
      }}
      onChange={(event) => {
        onSet(event.currentTarget.value);
        keep(event.currentTarget.value);
      }}
      onBlur={() => {
        setTyped(null);
      }}
    />
  );
}
