// Cards and tables of the tabs of a topic.
import type { ComponentChildren } from "preact";

export function Bar({ share, warn = false }: { share: number; warn?: boolean }) {
  return (
    <div class={`bk-bar${warn ? " bk-warn" : ""}`}>
      <i style={{ width: `${String(Math.round(100 * share))}%` }} />
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="bk-empty">{children}</div>;
}

export type Column = [name: string, numeric?: boolean];

export function Heads({ columns }: { columns: Column[] }) {
  return (
    <thead>
      <tr>
        {columns.map(([name, numeric]) => (
          <th scope="col" key={name} class={numeric ? "bk-number" : ""}>
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}

export function Card({
  title,
  note,
  children,
}: {
  title: ComponentChildren;
  note?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="bk-card">
      <div class="bk-card-head">
        <h3>{title}</h3>
        <span class="bk-grow" />
        <span class="bk-dim">{note}</span>
      </div>
      <div class="bk-card-body">{children}</div>
    </section>
  );
}
