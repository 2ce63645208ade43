// Lines of a frame as a table.
import { Bdi } from "./plain";
import { Receipt } from "./receipt";

const titleOf = (name: string) => (name[0]?.toUpperCase() ?? "") + name.slice(1).replaceAll("_", " ");

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
                  {titleOf(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {lines.map((line, index) => (
              <tr key={index}>
                {names.map((name) => (
                  <td key={name}>
                    {name === "status" ? <Receipt status={line[name] ?? ""} /> : <Bdi>{line[name]}</Bdi>}
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
