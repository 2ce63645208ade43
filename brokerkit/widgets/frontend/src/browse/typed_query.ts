// The query as it is typed. What Python says replaces the fields that it changed, and no others.
import type { QueryForm } from "../protocol";

export const EMPTY: QueryForm = {
  newest: true,
  limit: "100",
  partitions: "",
  key: "",
  header: "",
  mode: "text",
  where: "",
  function: false,
  start: "",
  end: "",
  decode: "auto",
  decode_key: "auto",
};

const FILTER: (keyof QueryForm)[] = ["where", "mode", "function"];

export interface Known {
  topic: string;
  form: QueryForm;
}

/** The typed form after Python said something: another topic begins with what it says.
 *
 * `newer` is whether a field was written here after what Python says.
 */
export function merged(
  typed: QueryForm,
  before: Known,
  said: Known,
  newer: (name: keyof QueryForm) => boolean = () => false,
): QueryForm {
  // a filter belongs to how it is written
  const kept = FILTER.some(newer) ? new Set<string>(FILTER) : new Set<string>();
  const other = said.topic !== before.topic;
  const changed = (Object.keys(said.form) as (keyof QueryForm)[]).filter(
    (name) => (other || before.form[name] !== said.form[name]) && !newer(name) && !kept.has(name),
  );
  if (!kept.size && changed.some((name) => FILTER.includes(name))) changed.push(...FILTER);
  return { ...typed, ...Object.fromEntries(changed.map((name) => [name, said.form[name]])) };
}
