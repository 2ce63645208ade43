// Moments as texts: in the zone of the person, and in UTC, in which the broker's times are shown.

const WRITTEN = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) UTC$/;

/** The zone of the person, such as Europe/Berlin. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A moment as it is written in a zone, to the millisecond. */
export function written(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
    hourCycle: "h23",
  }).formatToParts(at);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  const day = `${part("year").padStart(4, "0")}-${part("month")}-${part("day")}`;
  return `${day} ${part("hour")}:${part("minute")}:${part("second")}.${part("fractionalSecond")}`;
}

/** A moment in the zone of the person and in UTC: what a time says when the mouse is on it. */
export function bothZones(at: number, zone = ownZone()): string {
  if (Math.abs(at) > 8.64e15) return ""; // JavaScript has no such date
  const utc = `${written(at, "UTC")} UTC`;
  return zone === "UTC" ? utc : `${written(at, zone)} ${zone}\n${utc}`;
}

/** The moment that a text of the broker's times says; null for other texts. */
export function momentOf(text: string): number | null {
  const found = WRITTEN.exec(text);
  if (!found) return null;
  const at = Date.parse(`${found[1] ?? ""}T${found[2] ?? ""}Z`);
  return Number.isNaN(at) ? null : at;
}

/** A moment as a field for date and time has it, in UTC or the zone of the person. */
export function fieldOf(at: number, utc: boolean): string {
  return written(at, utc ? "UTC" : ownZone())
    .replace(" ", "T")
    .replace(/\.\d+$/, "");
}

/** What a field for date and time means, as Python takes it: always in UTC. Empty for an empty field. */
export function typedPosition(field: string, utc: boolean): string {
  const at = Date.parse(utc ? `${field}Z` : field);
  if (Number.isNaN(at)) return "";
  return new Date(at).toISOString().replace(/\.000Z$/, "Z");
}
