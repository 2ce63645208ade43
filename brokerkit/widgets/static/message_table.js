function messageTable(model, focusSearch, focusMessage) {
  const view = Math.random().toString(36).slice(2);
  let active = -1,
    columns = [],
    version = -1,
    follow = false,
    now = null,
    started = "",
    turns = 0;
  const head = el("div", { class: "bk-line bk-line-head", role: "row" });
  const chooser = el(
    "details",
    { class: "bk-chooser" },
    el("summary", { class: "bk-button bk-quiet", text: "Columns" }),
  );
  const names = el("div", { class: "bk-names", role: "group", "aria-label": "Columns" });
  chooser.append(names);
  const expand = el("input", {
    type: "checkbox",
    onchange: () => model.send({ type: "expand", on: expand.checked }),
  });
  const compare = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Compare two",
    onclick: () => model.send({ type: "compare" }),
  });
  const tail = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Follow live",
    onclick: () => model.send({ type: "follow" }),
  });
  const count = el("span", { class: "bk-muted", role: "status" });
  const pick = (index, how) => {
    if (index < 0 || index >= list.total()) return;
    active = index;
    model.send({ type: "select", place: index, how, turn: `${view}:${++turns}` });
    list.show(index);
    list.redraw();
  };
  const width = (name) =>
    name === "value" || name === "attributes"
      ? " bk-cell-wide"
      : name === "partition"
        ? " bk-cell-small"
        : /_time$/.test(name)
          ? " bk-cell-time"
          : name === "offset"
            ? " bk-cell-number"
            : "";
  const list = virtualList({
    rowHeight: 24,
    role: "grid",
    head,
    label: "Messages, the oldest first",
    request: (first, number) => model.send({ type: "rows", first, count: number }),
    draw: (row, index) =>
      el(
        "div",
        {
          class: `bk-line${row.marked ? " bk-chosen-row" : ""}${index === active ? " bk-active" : ""}`,
          role: "row",
          "aria-rowindex": index + 2,
          "aria-selected": row.marked ? "true" : "false",
          onclick: (event) =>
            pick(index, event.shiftKey ? "range" : event.ctrlKey || event.metaKey ? "toggle" : "one"),
        },
        el("span", { class: "bk-cell bk-mark", role: "gridcell", text: row.marked ? "▸" : "" }),
        ...row.cells.map((text, number) => cell(text, columns[number])),
      ),
    onKey: (event) => {
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: list.inView() - 2, PageUp: 2 - list.inView() };
      const by = steps[event.key];
      if (by) {
        event.preventDefault();
        pick(
          Math.max(0, Math.min(list.total() - 1, active < 0 ? (by > 0 ? 0 : list.total() - 1) : active + by)),
          event.shiftKey ? "range" : "one",
        );
      } else if (event.key === "Home") {
        event.preventDefault();
        pick(0, "one");
      } else if (event.key === "End") {
        event.preventDefault();
        pick(list.total() - 1, "one");
      } else if (event.key === " ") {
        event.preventDefault();
        pick(active, "toggle");
      } else if (event.key === "Enter") {
        event.preventDefault();
        focusMessage();
      } else if (event.key === "Escape") {
        event.preventDefault();
        active = -1;
        model.send({ type: "unselect" });
      } else if (event.key === "/") {
        event.preventDefault();
        focusSearch();
      }
    },
  });
  list.box.classList.add("bk-messages");
  const empty = el("div", { class: "bk-empty" });
  function cell(text, name) {
    const wide = width(name);
    return text == null
      ? el("span", {
          class: `bk-cell bk-null${wide}`,
          role: "gridcell",
          text: name === "attributes" ? "" : "NA",
        })
      : el(
          "span",
          { class: `bk-cell${wide}`, role: "gridcell", title: text.slice(0, 120) },
          el("bdi", { text }),
        );
  }
  function heads() {
    const sort = now?.sort;
    head.replaceChildren(
      el("span", { class: "bk-cell bk-mark", role: "columnheader", "aria-label": "chosen" }),
      ...columns.map((name, index) => {
        const by = sort && sort[0] === index ? (sort[1] ? " ▲" : " ▼") : "";
        const wide = width(name);
        return el(
          "button",
          {
            type: "button",
            class: `bk-cell bk-sort${wide}`,
            role: "columnheader",
            "aria-sort": by ? (sort[1] ? "ascending" : "descending") : "none",
            title: `Sort by ${name}`,
            onclick: () => model.send({ type: "sort", column: index }),
          },
          el("bdi", { text: name + by }),
        );
      }),
    );
  }
  const node = el(
    "section",
    { class: "bk-stacked", "aria-label": "Messages" },
    el(
      "div",
      { class: "bk-head" },
      count,
      el("span", { class: "bk-space" }),
      el("label", { class: "bk-muted" }, expand, " JSON fields"),
      chooser,
      compare,
      tail,
    ),
    list.box,
    empty,
  );
  return {
    node,
    box: list.box,
    set(message) {
      const other = message.version !== version;
      version = message.version;
      columns = message.columns;
      list.set(message);
      heads();
      empty.hidden = message.total > 0;
      list.box.hidden = message.total === 0;
      if (other && follow && message.total && message.first + message.rows.length < message.total)
        list.toEnd();
      else if (other && follow) list.toEnd();
    },
    selection(message) {
      const [who, turn] = (message.turn ?? "").split(":");
      if (who === view && Number(turn) < turns) return; // an answer to a key before the last one
      active = message.place ?? -1;
      if (active >= 0) {
        follow = false;
        list.show(active);
      }
      list.redraw();
    },
    state(next) {
      now = next;
      const shown = JSON.stringify([{ ...next.form, limit: "" }, next.topic, next.sort]);
      if (shown !== started) {
        started = shown;
        active = -1;
        follow = (next.search.backwards ?? false) && !next.sort;
        if (!follow) list.toStart();
      }
      empty.textContent = next.search.running
        ? "Reading…"
        : next.topic
          ? next.search.status === "idle"
            ? "Nothing has been read."
            : "No messages."
          : "Choose a topic.";
      count.textContent = next.marked > 1 ? `${next.marked.toLocaleString()} rows chosen` : "";
      expand.checked = next.expand;
      compare.disabled = next.marked < 2;
      tail.disabled = !next.topic;
      expand.disabled = !next.topic;
      const signature = JSON.stringify(next.columns);
      if (names.dataset.shown !== signature) {
        names.dataset.shown = signature;
        const boxes = next.columns.map(([name, on]) =>
          el(
            "label",
            {},
            el("input", { type: "checkbox", checked: on, onchange: send }),
            el("bdi", { text: ` ${name}` }),
          ),
        );
        function send() {
          model.send({
            type: "columns",
            shown: [...names.querySelectorAll("input")].flatMap((box, index) => (box.checked ? [index] : [])),
          });
        }
        names.replaceChildren(
          ...boxes,
          el("button", {
            type: "button",
            class: "bk-button bk-quiet",
            text: "Usual ones",
            onclick: () => model.send({ type: "columns", shown: null }),
          }),
        );
      }
      heads();
    },
  };
}
