function render({ model, el: root }) {
  const topic = el("input", { class: "bk-input", spellcheck: "false" });
  const to = el("select", {
    class: "bk-input",
    onchange: () => model.send({ type: "to", index: to.selectedIndex }),
  });
  const place = el("span", { class: "bk-muted", role: "status" }),
    marks = badges();
  const step = (by) => model.send({ type: "row", row: model.get("state").row + by });
  const back = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "‹ Previous",
    onclick: () => step(-1),
  });
  const next = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Next ›",
    onclick: () => step(1),
  });
  const area = (label) => {
    const mode = el(
      "select",
      { class: "bk-input", "aria-label": `${label}: how it is written` },
      ...["text", "escaped", "null"].map((name) =>
        el("option", { value: name, text: name === "null" ? "none" : name }),
      ),
    );
    return mode;
  };
  const keyMode = area("Key"),
    key = el("input", { class: "bk-input", spellcheck: "false" });
  const valueMode = area("Value"),
    value = el("textarea", { class: "bk-area-input", spellcheck: "false", rows: "9" });
  const size = el("span", { class: "bk-muted" }),
    large = el("div", { class: "bk-problem", hidden: true });
  const headers = el("div", { class: "bk-stack bk-field" });
  const add = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "+ Header",
    onclick: () => {
      headers.append(headerRow(["", "text", "", "string"]));
      headers.lastChild.querySelector("input").focus();
    },
  });
  const problems = el("ul", { class: "bk-problems", "aria-label": "Checks", "aria-live": "polite" });
  const dry = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Dry run",
    onclick: () => {
      flush();
      model.send({ type: "dry run" });
    },
  });
  const send = el("button", { type: "button", class: "bk-button" });
  const typed = el("input", { class: "bk-input", spellcheck: "false", autocomplete: "off" });
  const sure = el("div", { class: "bk-danger bk-head", hidden: true });
  const said = el("span", { role: "status" }),
    effect = el("div", { class: "bk-effect" });
  const plan = el("div"),
    receipts = el("div"),
    call = callBar("The Python call of this composer");
  const edits = {};
  let timer = null,
    retopic = null;
  function flush() {
    clearTimeout(timer);
    clearTimeout(retopic);
    if (retopic !== null) {
      retopic = null;
      if (topic.value.trim()) model.send({ type: "topic", text: topic.value });
    }
    if (Object.keys(edits).length) {
      model.send({ type: "edit", ...edits });
      for (const name of Object.keys(edits)) delete edits[name];
    }
  }
  function edit(name, read) {
    edits[name] = read();
    clearTimeout(timer);
    timer = setTimeout(flush, 250);
  }
  const readHeaders = () =>
    [...headers.children].map((row) => {
      const [name, text] = row.querySelectorAll("input");
      const [mode, kind] = row.querySelectorAll("select");
      return [name.value, mode.value, text.value, kind.value];
    });
  function headerRow([name, mode, text, kind]) {
    const types = model.get("state").types;
    const changed = () => edit("attributes", readHeaders);
    const row = el(
      "div",
      { class: "bk-head" },
      el("input", { class: "bk-input", "aria-label": "Header name", placeholder: "name", oninput: changed }),
      el(
        "select",
        { class: "bk-input", "aria-label": "Header: how it is written", onchange: changed },
        ...["text", "escaped"].map((one) => el("option", { text: one, selected: one === mode })),
      ),
      el("input", {
        class: "bk-input",
        "aria-label": "Header value",
        placeholder: "value",
        oninput: changed,
      }),
      el(
        "select",
        { class: "bk-input", "aria-label": "Header type", onchange: changed },
        ...[...new Set([...types, kind])].map((one) => el("option", { text: one, selected: one === kind })),
      ),
      el("button", {
        type: "button",
        class: "bk-button bk-quiet",
        text: "Remove",
        "aria-label": "Remove this header",
        onclick: () => {
          row.remove();
          changed();
        },
      }),
    );
    const inputs = row.querySelectorAll("input");
    inputs[0].value = name;
    inputs[1].value = text;
    return row;
  }
  for (const each of [key, keyMode])
    each.addEventListener("input", () => {
      if (each === key && keyMode.value === "null") keyMode.value = "text";
      edit("key", () => [keyMode.value, key.value]);
    });
  for (const each of [value, valueMode])
    each.addEventListener("input", () => {
      if (each === value && valueMode.value === "null") valueMode.value = "text";
      edit("value", () => [valueMode.value, value.value]);
    });
  topic.addEventListener("input", () => {
    clearTimeout(retopic);
    retopic = setTimeout(flush, 350);
  });
  const doSend = (confirm) => {
    if (!topic.value.trim()) {
      topic.focus();
      return;
    }
    flush();
    model.send({ type: "send", confirm });
    sure.hidden = true;
    typed.value = "";
  };
  const really = el("button", {
    type: "button",
    class: "bk-button",
    text: "Publish",
    disabled: true,
    onclick: () => doSend(typed.value),
  });
  typed.addEventListener("input", () => {
    really.disabled = typed.value !== model.get("state").topic;
  });
  sure.append(
    field("▲ Marked as production. Type the topic's name to publish:", typed),
    really,
    el("button", {
      type: "button",
      class: "bk-button bk-quiet",
      text: "Cancel",
      onclick: () => {
        sure.hidden = true;
        send.focus();
      },
    }),
  );
  send.addEventListener("click", (event) => {
    if (event.detail > 1) return;
    /* a double click sends once */ if (model.get("state").confirm) {
      sure.hidden = false;
      typed.focus();
    } else doSend(null);
  });
  root.replaceChildren(
    el(
      "div",
      { class: "bk-panel" },
      el(
        "div",
        { class: "bk-head" },
        field("Topic", topic),
        field("on", to),
        marks.bar,
        el("span", { class: "bk-space" }),
        back,
        place,
        next,
      ),
      el("div", { class: "bk-head" }, field("Key", key), keyMode),
      el("div", { class: "bk-head" }, el("span", { class: "bk-label", text: "Headers" }), add),
      headers,
      el("div", { class: "bk-head" }, el("span", { class: "bk-label", text: "Value" }), valueMode, size),
      large,
      value,
      problems,
      effect,
      el("div", { class: "bk-head" }, dry, send, said),
      sure,
      plan,
      receipts,
      call.bar,
    ),
  );
  value.setAttribute("aria-label", "Value");
  key.setAttribute("aria-label", "Key");
  function table(title, lines) {
    if (!lines.length) return [];
    const names = Object.keys(lines[0]);
    return [
      el("div", { class: "bk-label", text: title }),
      el(
        "div",
        { class: "bk-scroll" },
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
      ),
    ];
  }
  let shownHeaders = null;
  function state() {
    const now = model.get("state"),
      pending = Object.keys(edits).length > 0;
    if (retopic === null) setValue(topic, now.topic);
    to.replaceChildren(
      ...now.sessions.map((name, index) => el("option", { text: name, selected: index === now.to })),
    );
    marks.set(now.marks);
    for (const each of [back, next, place]) each.hidden = now.count < 2;
    back.disabled = now.row === 0;
    next.disabled = now.row >= now.count - 1;
    place.textContent = `message ${(now.row + 1).toLocaleString()} of ${now.count.toLocaleString()}`;
    if (!pending) {
      if (document.activeElement !== key) {
        keyMode.value = now.key[0];
        setValue(key, now.key[1]);
      }
      if (document.activeElement !== value) {
        valueMode.value = now.value[0];
        setValue(value, now.value[1]);
      }
      const wanted = JSON.stringify(now.attributes);
      if (wanted !== shownHeaders && !headers.contains(document.activeElement)) {
        shownHeaders = wanted;
        headers.replaceChildren(...now.attributes.map(headerRow));
      }
    }
    large.hidden = !now.large;
    large.textContent = now.large;
    value.hidden = Boolean(now.large);
    valueMode.disabled = Boolean(now.large);
    size.textContent = now.size;
    problems.replaceChildren(
      ...(now.problems.length
        ? now.problems.map(([level, text]) =>
            el("li", {
              "data-level": level,
              text: `${level === "error" ? "✕ error" : "▲ warning"}: ${text}`,
            }),
          )
        : [el("li", { text: `✓ ${now.checked}` })]),
    );
    send.textContent = now.count > 1 ? `Send all ${now.count.toLocaleString()}` : "Send";
    send.disabled =
      Boolean(now.refused) || (now.count === 1 && now.problems.some(([level]) => level === "error"));
    effect.textContent = now.refused ? `Not offered: ${now.refused}.` : now.effect;
    said.textContent = now.said;
    plan.replaceChildren(...table("What would be sent", now.plan));
    receipts.replaceChildren(...table("Receipts", now.receipts));
    call.set(now.call);
  }
  model.on("change:state", state);
  state();
  model.send({ type: "hello" });
  const beat = setInterval(() => {
    if (!document.hidden) model.send({ type: "here" });
  }, 20000);
  return () => {
    clearInterval(beat);
    clearTimeout(timer);
    clearTimeout(retopic);
    model.off("change:state", state);
  };
}
export default { render };
