function messageView(model, focusTable) {
  let form = null,
    shown = null;
  const title = el("strong"),
    facts = el("div", { class: "bk-muted" }),
    failure = el("div", { class: "bk-problem", hidden: true });
  const pairs = el("dl", { class: "bk-pairs" }),
    body = el("div", { class: "bk-payload" });
  const button = (text, label, send) =>
    el("button", {
      type: "button",
      class: "bk-button bk-quiet",
      text,
      "aria-label": label,
      title: label,
      onclick: () => model.send(send),
    });
  const along = el(
    "select",
    { class: "bk-input bk-small", "aria-label": "Step along" },
    ...[
      ["rows", "rows shown"],
      ["partition", "positions"],
      ["key", "this key"],
    ].map(([value, text]) => el("option", { value, text })),
  );
  const step = (by) => model.send({ type: "step", by, along: along.value });
  const tabs = el(
    "div",
    { class: "bk-tabs", role: "tablist", "aria-label": "How the value is shown" },
    ...["tree", "text", "hex", "decoded"].map((name) =>
      el("button", {
        type: "button",
        class: "bk-tab",
        role: "tab",
        text: name,
        "data-form": name,
        onclick: () => {
          form = name;
          model.send({ type: "payload", form: name });
        },
      }),
    ),
  );
  const copied = el("span", { class: "bk-said", role: "status" });
  const call = callBar("The Python call of this message");
  const nothing = el("div", {
    class: "bk-empty",
    text: "Choose a message: click, or arrow keys in the table.",
  });
  const compared = el("section", { "aria-label": "Two messages compared", hidden: true });
  const detail = el(
    "div",
    { class: "bk-stacked", hidden: true },
    el(
      "div",
      { class: "bk-head" },
      title,
      el("span", { class: "bk-space" }),
      el("button", {
        type: "button",
        class: "bk-button bk-quiet",
        text: "‹ Previous",
        onclick: () => step(-1),
      }),
      el("button", { type: "button", class: "bk-button bk-quiet", text: "Next ›", onclick: () => step(1) }),
      field("along", along),
    ),
    facts,
    pairs,
    failure,
    el(
      "div",
      { class: "bk-head" },
      tabs,
      el("span", { class: "bk-space" }),
      button("Copy value", "Copy the value", { type: "copy" }),
      copied,
    ),
    body,
    call.bar,
    el(
      "div",
      { class: "bk-head" },
      button("Edit and resend", "Edit this message and send it again", { type: "compose" }),
      button("Put away", "Close the composer and the tail below", { type: "put_away" }),
    ),
  );
  const node = el(
    "section",
    { class: "bk-right", "aria-label": "The chosen message", tabindex: "-1" },
    nothing,
    detail,
    compared,
  );
  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.target.matches("input, select")) {
      event.preventDefault();
      focusTable();
    }
  });
  const put = detail.lastChild.lastChild;
  function line(item, path) {
    const text = el("span", { class: `bk-json bk-json-${item.kind}` }, el("bdi", { text: item.text }));
    const name = item.name === "" ? null : el("bdi", { class: "bk-json-name", text: `${item.name}: ` });
    if (!item.more) return el("div", { class: "bk-leaf", role: "treeitem" }, name, text);
    const below = el("div", { class: "bk-below", role: "group" });
    const fold = el(
      "details",
      { role: "treeitem", "data-path": path.join("/") },
      el("summary", {}, name, text),
      below,
    );
    fold.addEventListener("toggle", () => {
      if (fold.open && !below.childElementCount)
        model.send({ type: "payload", form: "tree", path, first: 0 });
    });
    return fold;
  }
  function fill(below, part) {
    below.append(...part.items.map((item, index) => line(item, [...part.path, part.first + index])));
    const next = part.first + part.items.length;
    if (next < part.total) {
      const more = el("button", {
        type: "button",
        class: "bk-button bk-quiet",
        text: `${(part.total - next).toLocaleString()} more`,
        onclick: () => {
          more.remove();
          model.send({ type: "payload", form: "tree", path: part.path, first: next });
        },
      });
      below.append(more);
    }
  }
  function payload(part) {
    for (const tab of tabs.children) {
      const on = tab.dataset.form === part.form;
      tab.setAttribute("aria-selected", on);
    }
    if (part.problem) return body.replaceChildren(el("div", { class: "bk-empty", text: part.problem }));
    if (part.form === "tree" && !part.root) {
      const fold =
        body.querySelector(`[data-path="${part.children.path.join("/")}"] > .bk-below`) ??
        body.querySelector(".bk-below");
      if (fold) fill(fold, part.children);
      return undefined;
    }
    if (part.form === "tree") {
      const root = el(
        "div",
        { class: "bk-tree", role: "tree", "aria-label": "The value as a tree" },
        line(part.root, []),
      );
      body.replaceChildren(root);
      if (part.children) {
        const fold = root.querySelector("details");
        fill(fold.querySelector(".bk-below"), part.children);
        fold.open = true;
      }
      return undefined;
    }
    const nodes = [
      el("pre", { class: `bk-pre${part.form === "hex" ? " bk-hex" : ""}`, tabindex: "0", text: part.text }),
    ];
    if (part.next != null || part.first) {
      const to = (first, text) =>
        el("button", {
          type: "button",
          class: "bk-button bk-quiet",
          text,
          onclick: () => model.send({ type: "payload", form: part.form, first }),
        });
      const unit = part.form === "hex" || part.bytes ? "bytes" : "characters",
        last = part.next ?? part.total;
      const [from, until, all] = [part.first, last, part.total].map((each) => each.toLocaleString());
      nodes.push(
        el(
          "div",
          { class: "bk-head" },
          part.first ? to(0, "« Start") : null,
          part.next != null ? to(part.next, "Further ›") : null,
          el("span", { class: "bk-muted", text: `${unit} ${from} to ${until} of ${all}` }),
        ),
      );
    }
    return body.replaceChildren(...nodes);
  }
  return {
    node,
    payload,
    focus() {
      if (shown) tabs.firstChild.focus();
    },
    set(message) {
      const one = message.message;
      compared.hidden = true;
      nothing.hidden = Boolean(one);
      detail.hidden = !one;
      copied.textContent = "";
      if (!one) {
        shown = null;
        return;
      }
      const same = shown === one.id;
      shown = one.id;
      title.replaceChildren(el("bdi", { text: one.title }));
      facts.textContent = [one.size, one.kind === "bytes" ? "bytes, not text" : one.kind, one.decoder]
        .filter(Boolean)
        .join(" · ");
      failure.hidden = !one.failure;
      failure.textContent = one.failure ? `✕ could not be decoded: ${one.failure}` : "";
      pairs.replaceChildren(
        ...one.fields.flatMap(([name, value]) => [
          el("dt", { text: name }),
          el("dd", {}, el("bdi", { text: value })),
        ]),
        ...one.attributes.flatMap(([name, value, kind]) => [
          el("dt", {}, el("bdi", { text: `header ${name}` })),
          el("dd", {}, el("bdi", { text: kind === "string" ? value : `${value} (${kind})` })),
        ]),
        ...(one.more_attributes
          ? [el("dt", { text: "more" }), el("dd", { text: `${one.more_attributes} headers are not shown` })]
          : []),
      );
      call.set(message.call);
      if (!same || form == null) {
        payload(one.payload);
        if (form && form !== one.payload.form) model.send({ type: "payload", form });
      }
    },
    async copied(message) {
      const text = message.text ?? message.call;
      try {
        await navigator.clipboard.writeText(text);
        copied.textContent = message.text == null ? "too long: its Python call was copied" : "copied";
      } catch {
        copied.textContent = "the clipboard cannot be used here";
      }
    },
    compared(message) {
      compared.hidden = false;
      detail.hidden = true;
      nothing.hidden = true;
      const only = el("input", { type: "checkbox", checked: true, onchange: () => lines() });
      const tbody = el("tbody"),
        different = message.rows.filter((row) => !row[3]).length;
      const value = (text) =>
        text == null ? el("td", {}, el("em", { text: "missing" })) : el("td", {}, el("bdi", { text }));
      const lines = () =>
        tbody.replaceChildren(
          ...message.rows
            .filter((row) => !only.checked || !row[3])
            .map(([name, left, right, same]) =>
              el(
                "tr",
                { class: same ? "" : "bk-different" },
                el("td", { text: same ? "=" : "≠", "aria-label": same ? "same" : "different" }),
                el("th", { scope: "row" }, el("bdi", { text: name })),
                value(left),
                value(right),
              ),
            ),
        );
      lines();
      compared.replaceChildren(
        el(
          "div",
          { class: "bk-head" },
          el("strong", { text: `${different} of ${message.rows.length} fields differ` }),
          el("label", { class: "bk-muted" }, only, " differences only"),
          el("span", { class: "bk-space" }),
          el("button", {
            type: "button",
            class: "bk-button bk-quiet",
            text: "Close",
            onclick: () => {
              compared.hidden = true;
              detail.hidden = shown == null;
              nothing.hidden = shown != null;
            },
          }),
        ),
        el(
          "div",
          { class: "bk-scroll" },
          el(
            "table",
            { class: "bk-table bk-compare" },
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                ...["", "field", "first", "second"].map((name) => el("th", { scope: "col", text: name })),
              ),
            ),
            tbody,
          ),
        ),
      );
    },
    state(now) {
      put.hidden = !now.companions;
    },
  };
}
