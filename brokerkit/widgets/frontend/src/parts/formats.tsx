// The menus of formats that values and keys are read as.

interface MenuProps {
  said: string;
  label: string;
  names: readonly string[];
  chosen: string;
  disabled: boolean;
  class?: string;
  choose: (name: string) => void;
}

function Menu({ said, label, names, chosen, disabled, choose, class: more = "" }: MenuProps) {
  return (
    <label class={`bk-in bk-choice ${more}`}>
      <span class="bk-dim">{said}</span>
      <select
        aria-label={label}
        value={chosen}
        disabled={disabled}
        onChange={(event) => {
          const { currentTarget: menu } = event;
          choose(menu.value);
          // what is refused is not chosen
          menu.value = chosen;
        }}
      >
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

interface Chosen {
  decode: string;
  decode_key: string;
}

interface Props extends Chosen {
  formats: readonly string[];
  keyFormats: readonly string[];
  disabled: boolean;
  choose: (changed: Partial<Chosen>) => void;
}

export function Formats({ formats, keyFormats, decode, decode_key, disabled, choose }: Props) {
  return (
    <>
      <Menu
        said="Read as"
        label="Read values as"
        names={formats}
        chosen={decode}
        disabled={disabled}
        choose={(name) => {
          choose({ decode: name });
        }}
      />
      <Menu
        said="Keys as"
        label="Read keys as"
        class="bk-hide-m"
        names={keyFormats}
        chosen={decode_key}
        disabled={disabled}
        choose={(name) => {
          choose({ decode_key: name });
        }}
      />
    </>
  );
}
