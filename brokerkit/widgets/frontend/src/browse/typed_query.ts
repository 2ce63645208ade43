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

export interface Known {
  topic: string;
  form: QueryForm;
}

/** The typed form after Python said something: another topic begins with what it says. */
export function merged(typed: QueryForm, before: Known, said: Known): QueryForm {
  if (said.topic !== before.topic) return said.form;
  const changed = Object.entries(said.form).filter(
    ([name, value]) => before.form[name as keyof QueryForm] !== value,
  );
  const made = { ...typed, ...Object.fromEntries(changed) };
  // a filter belongs to how it is written
  return changed.some(([name]) => ["where", "mode", "function"].includes(name))
    ? { ...made, where: said.form.where, mode: said.form.mode, function: said.form.function }
    : made;
}
