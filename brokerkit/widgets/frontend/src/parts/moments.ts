// Moments as texts: in the zone of the person, and in UTC, in which the broker's times are shown.

const WRITTEN = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) UTC$/;

const DAY = 86_400_000;

/** The zone of the person, such as Europe/Berlin. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A moment as it is written in a zone, to the millisecond. */
export function written(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    era: "short",
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
  // the year before 1 is that of ISO 8601, 0, and not 1 again
  const year = part("era") === "BC" ? 1 - Number(part("year")) : Number(part("year"));
  const day = `${year < 0 ? "-" : ""}${String(Math.abs(year)).padStart(4, "0")}-${part("month")}-${part("day")}`;
  return `${day} ${part("hour")}:${part("minute")}:${part("second")}.${part("fractionalSecond")}`;
}

/** How far a zone is from UTC at a moment, such as GMT+1: an hour that comes twice in autumn is told by it. */
function offsetOf(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    timeZoneName: "shortOffset",
  }).formatToParts(at);
  return parts.find((each) => each.type === "timeZoneName")?.value ?? "";
}

/** A moment in the zone of the person and in UTC: what a time says when the mouse is on it. */
export function bothZones(at: number, zone = ownZone()): string {
  if (Math.abs(at) > 8.64e15) return ""; // JavaScript has no such date
  const utc = `${written(at, "UTC")} UTC`;
  return zone === "UTC" ? utc : `${written(at, zone)} ${zone} (${offsetOf(at, zone)})\n${utc}`;
}

/** The moment that a text of the broker's times says; null for other texts. */
export function momentOf(text: string): number | null {
  const found = WRITTEN.exec(text);
  if (!found) return null;
  const at = Date.parse(`${found[1] ?? ""}T${found[2] ?? ""}Z`);
  return Number.isNaN(at) ? null : at;
}

/** A moment as a field for date and time has it, in UTC or the zone of the person. */
export function fieldOf(at: number, utc: boolean, zone = ownZone()): string {
  return written(at, utc ? "UTC" : zone)
    .replace(" ", "T")
    .replace(/\.\d+$/, "");
}

/** The moments that a clock shows as a field has them: two in the hour that comes twice, none in one left out. */
function moments(field: string, zone: string): number[] {
  const near = Date.parse(`${field}Z`);
  const seconds = field.length > 16 ? field : `${field}:00`;
  const offsets = [-DAY, DAY].map((by) => Date.parse(`${fieldOf(near + by, false, zone)}Z`) - (near + by));
  return [...new Set(offsets)]
    .map((offset) => near - offset)
    .filter((at) => fieldOf(at, false, zone) === seconds.replace(/\.\d+$/, ""))
    .sort((a, b) => a - b);
}

/** Whether the clocks of a zone never show a time, since they go forward over it. */
export function leftOut(field: string, zone = ownZone()): boolean {
  return !Number.isNaN(Date.parse(`${field}Z`)) && !moments(field, zone).length;
}

/**
 * What a field for date and time means, as Python takes it: always in UTC. Empty for an empty field.
 * `before` is the moment that was in it: of an hour that comes twice, the one with its offset is meant.
 */
export function typedPosition(
  field: string,
  utc: boolean,
  before: number | null = null,
  zone = ownZone(),
): string {
  const near = Date.parse(`${field}Z`);
  if (Number.isNaN(near)) return "";
  const found = utc ? [near] : moments(field, zone);
  // a time that is left out is taken by the clock of the day before: 02:30 becomes 03:30
  const dayBefore = Date.parse(`${fieldOf(near - DAY, false, zone)}Z`) - (near - DAY);
  const same = found.find((at) => before !== null && offsetOf(at, zone) === offsetOf(before, zone));
  const at = same ?? found[0] ?? near - dayBefore;
  return new Date(at).toISOString().replace(/\.000Z$/, "Z");
}
