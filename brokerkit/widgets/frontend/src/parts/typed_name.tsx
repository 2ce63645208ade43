// The name that is typed to confirm a change.
import { Icon } from "./icons";

interface Props {
  /** What is to be typed, and why. */
  ask: string;
  /** What the field is for, for who does not see what is beside it. */
  label?: string;
  /** The name as it is to be typed; empty where it stands elsewhere. */
  name: string;
  typed: string;
  type: (text: string) => void;
  /** Whether it is asked for because the connection is marked as production. */
  production: boolean;
}

export function TypedName({ ask, label, name, typed, type, production }: Props) {
  return (
    <label class="bk-line bk-bad bk-wraps">
      <span>
        {production && <Icon sign="warn" />} {production ? `Production: ${ask}` : ask}
      </span>
      <span class="bk-in">
        <input
          class="bk-mono"
          aria-label={label}
          placeholder={name}
          spellcheck={false}
          autocomplete="off"
          value={typed}
          onInput={(event) => {
            type(event.currentTarget.value);
          }}
        />
      </span>
    </label>
  );
}
