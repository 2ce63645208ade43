// The side effect to choose where no look is free, and the name to type on production.
import { type Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";

import { TypedName } from "../parts/typed_name";
import type { AskQuery, BrowseState } from "../protocol";

export type Effect = Pick<AskQuery, "effect" | "subscription" | "confirm">;

export const NO_EFFECT: Effect = { effect: null, subscription: null, confirm: null };

export function SideEffects({ now, effect }: { now: BrowseState; effect: Signal<Effect> }) {
  const group = useMemo(() => `bk-effect-${Math.random().toString(36).slice(2)}`, []);
  if (!now.choices.length) return null;
  const chosen = now.choices.find(({ value }) => value === effect.value.effect);
  const set = (changed: Partial<Effect>) => {
    effect.value = { ...effect.peek(), ...changed };
  };
  return (
    <fieldset class="bk-choices">
      <legend>Side effect</legend>
      {now.choices.map((one) => (
        <label class="bk-line" key={one.value}>
          <input
            type="radio"
            name={group}
            checked={one === chosen}
            onChange={() => {
              set({ effect: one.value, subscription: one.needs_subscription ? "" : null });
            }}
          />
          <span>
            <strong>{one.value}</strong>: {one.text}
          </span>
        </label>
      ))}
      {chosen?.needs_subscription && (
        <span class="bk-in">
          <input
            aria-label="Subscription to take from"
            placeholder="subscription"
            spellcheck={false}
            value={effect.value.subscription ?? ""}
            onInput={(event) => {
              set({ subscription: event.currentTarget.value });
            }}
          />
        </span>
      )}
      {chosen && now.confirm && (
        <TypedName
          ask="type the topic's name to read with this side effect"
          name=""
          typed={effect.value.confirm ?? ""}
          type={(confirm) => {
            set({ confirm });
          }}
          production
        />
      )}
    </fieldset>
  );
}
