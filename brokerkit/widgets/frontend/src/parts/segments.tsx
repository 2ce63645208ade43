// A choice of a few, all in sight.
interface Props<Value extends string> {
  label: string;
  value: Value;
  choices: readonly (readonly [Value, string])[];
  onChoose: (value: Value) => void;
  disabled?: boolean;
}

export function Segments<Value extends string>({
  label,
  value,
  choices,
  onChoose,
  disabled = false,
}: Props<Value>) {
  return (
    <span class="bk-seg" role="group" aria-label={label}>
      {choices.map(([each, text]) => (
        <button
          type="button"
          key={each}
          aria-pressed={each === value}
          disabled={disabled}
          onClick={() => {
            onChoose(each);
          }}
        >
          {text}
        </button>
      ))}
    </span>
  );
}
