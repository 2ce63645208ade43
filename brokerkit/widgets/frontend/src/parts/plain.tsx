// Small parts that several widgets use. Everything that came from a broker is set as text, never as markup.
import type { ComponentChildren } from "preact";

/** A text of any direction that stays within its place. */
export function Bdi({ children }: { children: ComponentChildren }) {
  return <bdi>{children}</bdi>;
}

export function Field({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <label class="bk-field">
      <span class="bk-dim">{label}</span>
      {children}
    </label>
  );
}
