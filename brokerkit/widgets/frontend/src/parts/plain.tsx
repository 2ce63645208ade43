// Small parts that several widgets use. Everything that came from a broker is set as text, never as markup.
import type { ComponentChildren } from "preact";

/** A text of any direction that stays within its place. */
export function Bdi({ children }: { children: ComponentChildren }) {
  return <bdi>{children}</bdi>;
}

export function Field({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <label class="bk-field">
      <span class="bk-dim">{label}</span>
      {children}
    </label>
  );
}

/** Lines of a frame as a table. */
export function FrameTable({ title, lines }: { title: string; lines: Record<string, string>[] }) {
  if (!lines.length) return null;
  const names = Object.keys(lines[0] ?? {});
  return (
    <>
      <div class="bk-dim">{title}</div>
      <div class="bk-scroll">
        <table class="bk-table">
          <thead>
            <tr>
              {names.map((name) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {lines.map((line, index) => (
              <tr key={index}>
                {names.map((name) => (
                  <td key={name}>
                    <Bdi>{line[name]}</Bdi>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
