// What a change of messages would do, and what became of it.
import { Icon, type Sign } from "../parts/icons";
import { Bdi } from "../parts/plain";
import { Receipt } from "../parts/receipt";
import type { ChangeShown } from "../protocol";
import { Heads, type Column } from "./card";

const CHECKS: Record<string, { sign: Sign; class: string }> = {
  good: { sign: "check", class: "bk-good" },
  warn: { sign: "warn", class: "bk-warn" },
  alt: { sign: "edit", class: "bk-alt" },
};

export function Counts({ counts }: { counts: ChangeShown["counts"] }) {
  return (
    <>
      {counts.map(([status, count]) => (
        <Receipt key={status} status={status} count={count} />
      ))}
    </>
  );
}

export function Checks({ checks }: { checks: ChangeShown["checks"] }) {
  return (
    <ul class="bk-notes bk-checks">
      {checks.map(([level, text], index) => {
        const look = CHECKS[level] ?? { sign: "info" as const, class: "bk-dim" };
        return (
          <li key={index}>
            <Icon sign={look.sign} label={level === "warn" ? "Look at it" : undefined} class={look.class} />
            <Bdi>{text}</Bdi>
          </li>
        );
      })}
    </ul>
  );
}

export function Places({ places }: { places: ChangeShown["places"] }) {
  if (!places.length) return null;
  return (
    <table class="bk-table bk-inner">
      <Heads columns={[["Topic"], ["Now", true], ["After", true]]} />
      <tbody>
        {places.map(({ name, now, after }) => (
          <tr key={name}>
            <td class="bk-wrap-any">
              <Bdi>{name}</Bdi>
            </td>
            <td class="bk-number">{now}</td>
            <td class="bk-number">
              <b>{after}</b>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The receipts of messages, or why some of them would be refused; the worst first. */
export function Lines({ change }: { change: ChangeShown }) {
  if (!change.lines.length) return null;
  const there: Column[] = change.verb === "delete" ? [] : [["To"]];
  return (
    <div class="bk-short">
      <table class="bk-table bk-receipts">
        <Heads columns={[["Receipt"], ["From"], ...there, ["What happened"]]} />
        <tbody>
          {change.lines.map((line, index) => (
            <tr key={index}>
              <td>
                <Receipt status={line.status} />
              </td>
              <td class="bk-mono">
                <Bdi>{line.source}</Bdi>
              </td>
              {there.length > 0 && (
                <td class={line.status === "confirmed" ? "bk-mono" : "bk-dim"}>
                  <Bdi>{line.target}</Bdi>
                </td>
              )}
              <td class="bk-wrap-any">
                <Bdi>{line.said}</Bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {change.more > 0 && (
        <p class="bk-inset bk-dim">{`and ${change.more.toLocaleString("en")} more: the call returns all`}</p>
      )}
    </div>
  );
}
