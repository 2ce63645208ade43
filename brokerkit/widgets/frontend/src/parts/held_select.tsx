// A choice among what Python offers. What was chosen stays in sight until Python knows it.
import type { ComponentChildren } from "preact";

import { useHeld } from "../host/answers";

interface Props {
  label: string;
  value: string;
  disabled: boolean;
  onChoose: (value: string) => void;
  children: ComponentChildren;
  class?: string;
}

export function HeldSelect({ label, value, disabled, onChoose, children, class: named }: Props) {
  const [shown, keep] = useHeld(value);
  return (
    <select
      class={named}
      aria-label={label}
      value={shown}
      disabled={disabled}
      onChange={({ currentTarget: { value: chosen } }) => {
        onChoose(chosen);
        keep(chosen);
      }}
    >
      {children}
    </select>
  );
}
