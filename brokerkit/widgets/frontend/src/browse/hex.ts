// Hex as Python writes it: an offset, sixteen bytes and their letters a line.
const BYTES = 16;
const HALF = BYTES / 2;
const OFFSET = 8;
const FROM = OFFSET + 2;
const LETTERS = FROM + 3 * BYTES - 1 + 2;

/** The same with eight bytes a line, for where there is less room. */
export function narrowed(text: string): string {
  return text
    .split("\n")
    .flatMap((line) => {
      const letters = line.slice(LETTERS);
      const first = Number.parseInt(line.slice(0, OFFSET), 16);
      return [0, HALF]
        .filter((begin) => begin === 0 || letters.length > HALF)
        .map((begin) => {
          const offset = (first + begin).toString(16).padStart(OFFSET, "0");
          const bytes = line.slice(FROM + 3 * begin, FROM + 3 * (begin + HALF) - 1);
          return `${offset}  ${bytes.padEnd(3 * HALF - 1)}  ${letters.slice(begin, begin + HALF)}`;
        });
    })
    .join("\n");
}
