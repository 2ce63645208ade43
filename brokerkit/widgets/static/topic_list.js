function topicList(model) {
  let active = 0,
    generation = 0,
    sent = 0;
  const search = el("input", {
    type: "search",
    class: "bk-input bk-wide",
    placeholder: "topics… ( / )",
    spellcheck: "false",
    "aria-label": "Search topics",
  });
  const sort = el(
    "select",
    { class: "bk-input bk-small", "aria-label": "Order of the topics" },
    ...[
      ["name", "by name"],
      ["messages", "by messages"],
      ["bytes", "by size"],
    ].map(([value, text]) => el("option", { value, text })),
  );
  const internal = el("input", { type: "checkbox" }),
    backlogs = el("input", { type: "checkbox" });
  const count = el("span", { class: "bk-muted", role: "status" });
  const refresh = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "↻ Refresh",
    onclick: () => model.send({ type: "refresh" }),
  });
  const info = el("div", { class: "bk-described", role: "region", "aria-label": "The chosen topic" });
  const asked = (first, number) =>
    model.send({
      type: "topics",
      first,
      count: number,
      text: search.value,
      sort: sort.value,
      internal: internal.checked,
      backlogs: backlogs.checked,
      asked: ++sent,
    });
  const choose = (row) => {
    if (!row) return;
    model.send({ type: "topic", n: row.n, generation });
  };
  const list = virtualList({
    rowHeight: 38,
    role: "listbox",
    label: "Topics",
    request: asked,
    draw: (row, index) => {
      const facts = [
        row.messages && `${row.messages} msg`,
        row.size,
        row.backlog && `backlog ${row.backlog}`,
        row.internal && "internal",
      ]
        .filter(Boolean)
        .join(" · ");
      return el(
        "div",
        {
          class: `bk-topic${row.chosen ? " bk-chosen-row" : ""}${index === active ? " bk-active" : ""}`,
          role: "option",
          "aria-selected": row.chosen ? "true" : "false",
          title: row.name,
          onclick: () => {
            active = index;
            choose(row);
          },
        },
        el("bdi", { class: "bk-topic-name", text: (row.chosen ? "▸ " : "") + row.name }),
        el("span", { class: "bk-topic-facts", text: facts }),
      );
    },
    onKey: (event) => {
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
      if (steps[event.key]) {
        event.preventDefault();
        active = Math.max(0, Math.min(list.total() - 1, active + steps[event.key]));
        list.show(active);
        list.redraw();
      } else if (event.key === "Enter") {
        event.preventDefault();
        choose(list.row(active));
      } else if (event.key === "/" || event.key === "Escape") {
        event.preventDefault();
        search.focus();
        search.select();
      }
    },
  });
  list.box.classList.add("bk-topics");
  search.addEventListener("input", () => {
    active = 0;
    list.box.scrollTop = 0;
    list.ask();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      list.box.focus();
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(list.row(active));
    } else if (event.key === "Escape") {
      event.preventDefault();
      search.value = "";
      list.ask();
    }
  });
  for (const each of [sort, internal, backlogs]) each.addEventListener("change", list.ask);
  const node = el(
    "section",
    { class: "bk-left", "aria-label": "Topics" },
    search,
    el(
      "div",
      { class: "bk-head" },
      sort,
      el("label", { class: "bk-muted" }, internal, " internal"),
      el(
        "label",
        { class: "bk-muted", title: "Ask for the backlog of the topics in view" },
        backlogs,
        " backlogs",
      ),
    ),
    list.box,
    el("div", { class: "bk-head" }, count, el("span", { class: "bk-space" }), refresh),
    info,
  );
  function table(title, lines) {
    if (!lines.length) return el("div", { class: "bk-muted", text: `${title}: none` });
    const names = Object.keys(lines[0]).filter((name) => lines.some((line) => line[name] !== ""));
    return el(
      "details",
      { open: lines.length < 8 },
      el("summary", { text: `${title} (${lines.length})` }),
      el(
        "table",
        { class: "bk-table" },
        el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col", text: name })))),
        el(
          "tbody",
          {},
          ...lines.map((line) =>
            el("tr", {}, ...names.map((name) => el("td", {}, el("bdi", { text: line[name] })))),
          ),
        ),
      ),
    );
  }
  return {
    node,
    search,
    ask: list.ask,
    set(message) {
      if (message.asked != null && message.asked < sent) return;
      generation = message.generation;
      list.set(message);
      count.textContent =
        message.total === message.all
          ? `${message.all.toLocaleString()} topic${message.all === 1 ? "" : "s"}`
          : `${message.total.toLocaleString()} of ${message.all.toLocaleString()} topics`;
    },
    describe(topic) {
      if (!topic) return info.replaceChildren();
      return info.replaceChildren(
        el("div", {}, el("strong", {}, el("bdi", { text: topic.name }))),
        el("div", {
          class: "bk-muted",
          text: [topic.messages && `${topic.messages} messages`, topic.size].filter(Boolean).join(", "),
        }),
        table("Groups and subscriptions", topic.subscriptions),
        table("Partitions", topic.partitions),
        ...(topic.more
          ? [el("div", { class: "bk-muted", text: `and ${topic.more} more: s.describe(...)` })]
          : []),
      );
    },
  };
}
