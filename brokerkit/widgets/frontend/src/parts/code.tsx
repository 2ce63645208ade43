// Python code as it is read: a text of another direction in it stays within its quotes.
import { Bdi } from "./plain";

const TEXTS = /('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")/;

export function Code({ text }: { text: string }) {
  // every other part is a text in quotes
  return (
    <>
      {text.split(TEXTS).map((part, place) =>
        place % 2 ? (
          <span key={place}>
            {part[0]}
            <Bdi>{part.slice(1, -1)}</Bdi>
            {part[0]}
          </span>
        ) : (
          part
        ),
      )}
    </>
  );
}
