// What became of a message, by a sign, a word and a colour.
import { Icon, type Sign } from "./icons";

const STATUS: Record<string, { sign: Sign; class: string }> = {
  confirmed: { sign: "check", class: "bk-good" },
  removed: { sign: "check", class: "bk-good" },
  duplicate: { sign: "check", class: "bk-dim" },
  gone: { sign: "none", class: "bk-dim" },
  refused: { sign: "x", class: "bk-bad" },
  failed: { sign: "x", class: "bk-bad" },
  unknown: { sign: "help", class: "bk-warn" },
};

/** How a status looks: by its sign and its colour. */
export function lookOf(status: string): { sign: Sign; class: string } {
  return STATUS[status] ?? { sign: "info", class: "bk-dim" };
}

export function Receipt({ status, count }: { status: string; count?: number }) {
  const look = lookOf(status);
  return (
    <span class={`bk-receipt ${look.class}`}>
      <Icon sign={look.sign} />
      {count === undefined ? status : `${count.toLocaleString("en")} ${status}`}
    </span>
  );
}
