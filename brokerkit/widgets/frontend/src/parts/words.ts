// Numbers and times as words.

/** A number with its noun: 1 message, 2 messages. */
export function counted(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** That so many headers are left out. */
export function notShown(headers: number): string {
  return `${counted(headers, "header")} ${headers === 1 ? "is" : "are"} not shown`;
}

/** Milliseconds since 1970 as a time, UTC. */
export function utc(milliseconds: number): string {
  return new Date(milliseconds)
    .toISOString()
    .replace("T", " ")
    .replace(/\.000Z$/, "")
    .replace(/Z$/, "");
}

/** A number in a few characters: 950, 1.5k, 20M. */
export function short(value: number): string {
  for (const [size, sign] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const)
    if (value >= size) return `${String(Number((value / size).toPrecision(3)))}${sign}`;
  return String(value);
}

/** The end of an axis: a round number, not below the highest. */
export function niceTop(highest: number): number {
  for (let scale = 1; ; scale *= 10)
    for (const step of [1, 2, 5]) if (highest <= step * scale) return step * scale;
}
