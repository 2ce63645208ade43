// The marks of a session, such as PRODUCTION: the same wherever it is named.
import { Icon } from "./icons";

export function Marks({ marks }: { marks: readonly string[] }) {
  if (!marks.length) return null;
  return (
    <span class="bk-marks">
      {marks.map((mark) => (
        <span class={`bk-mark${mark === "PRODUCTION" ? " bk-prod-mark" : ""}`} key={mark}>
          {mark === "PRODUCTION" && <Icon sign="warn" />}
          {mark}
        </span>
      ))}
    </span>
  );
}
