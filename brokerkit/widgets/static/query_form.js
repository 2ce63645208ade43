let formNumber = 0;
function queryForm(model) {
  const number = ++formNumber;
  const which = el(
    "select",
    { class: "bk-input bk-small", "aria-label": "Which messages" },
    el("option", { value: "newest", text: "Newest" }),
    el("option", { value: "first", text: "First" }),
  );
  const places = el(
    "datalist",
    { id: `bk-places-${number}` },
    ...["earliest", "latest", "-5min", "-15min", "-1h", "-1d", "-7d"].map((value) => el("option", { value })),
  );
  const text = (placeholder, width = "8em", attrs = {}) =>
    el("input", {
      class: "bk-input bk-small",
      placeholder,
      spellcheck: "false",
      style: `width:${width}`,
      ...attrs,
    });
  const limit = text("100", "5em", { inputmode: "numeric" });
  const from = text("the beginning", "10em", {
    list: `bk-places-${number}`,
    title: "An offset, -100, a time (UTC), -15min, or {0: 17}",
  });
  const to = text("the end", "9em", {
    list: `bk-places-${number}`,
    title: "Where to stop, exclusive: an offset, a time (UTC), -5min",
  });
  const partitions = text("all", "4em", { title: "0, 2, 4-7" });
  const key = text("any", "6em"),
    header = text("any", "7em", { title: "name, or name=value" });
  const mode = el(
    "select",
    { class: "bk-input bk-small", "aria-label": "How the value is filtered" },
    el("option", { value: "text", text: "contains" }),
    el("option", { value: "python", text: "Python" }),
  );
  const where = el("input", {
    class: "bk-input bk-wide bk-grow",
    spellcheck: "false",
    "aria-label": "Filter of the value",
  });
  const fn = el("span", { class: "bk-muted" }),
    tried = el("span", { class: "bk-muted", role: "status" });
  const go = el("button", { type: "submit", class: "bk-button", text: "Search" });
  const stop = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "■ Stop",
    onclick: () => model.send({ type: "stop" }),
  });
  const more = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    onclick: () => model.send({ type: "continue" }),
  });
  const bar = el("progress", { class: "bk-progress", max: "1", "aria-label": "How much was read" });
  const status = el("span", { class: "bk-muted", role: "status" }),
    errors = el("span", { class: "bk-warning" });
  const choices = el("fieldset", { class: "bk-choices", hidden: true }),
    typed = el("input", { class: "bk-input", spellcheck: "false", autocomplete: "off" });
  const sure = el(
    "div",
    { class: "bk-danger bk-head", hidden: true },
    field("▲ Marked as production. Type the topic's name to read with this side effect:", typed),
  );
  const subscription = text("subscription", "12em", { "aria-label": "Subscription to take from" });
  let effect = null,
    kept = false,
    shown = "";
  const ask = () =>
    model.send({
      type: "query",
      newest: which.value === "newest",
      limit: limit.value,
      from: from.value,
      to: to.value,
      partitions: partitions.value,
      key: key.value,
      header: header.value,
      mode: mode.value,
      where: where.value,
      kept: kept && !where.value,
      effect,
      subscription: effect === "give back" ? subscription.value : null,
      confirm: sure.hidden ? null : typed.value,
    });
  const hint = () => {
    where.placeholder = mode.value === "python" ? 'value["total"] > 100' : "a text in the value";
  };
  const attempt = later(() => model.send({ type: "try", mode: mode.value, where: where.value }), 250);
  where.addEventListener("input", () => {
    kept = false;
    attempt();
  });
  mode.addEventListener("change", () => {
    hint();
    attempt();
  });
  const form = el(
    "form",
    {
      class: "bk-form",
      "aria-label": "What to read",
      onsubmit: (event) => {
        event.preventDefault();
        ask();
      },
    },
    places,
    el(
      "div",
      { class: "bk-head" },
      which,
      field("at most", limit),
      field("from", from),
      field("to", to),
      field("partitions", partitions),
      field("key", key),
      field("header", header),
    ),
    el(
      "div",
      { class: "bk-head" },
      el("span", { class: "bk-label", text: "value" }),
      mode,
      where,
      fn,
      go,
      stop,
      more,
    ),
    choices,
    sure,
    el("div", { class: "bk-head" }, bar, status, errors, tried),
  );
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      event.stopPropagation();
      ask();
    }
  });
  which.addEventListener("change", () => {
    if (shown) ask();
  });
  return {
    node: form,
    where,
    set(now) {
      const search = now.search,
        signature = JSON.stringify([now.form, now.topic]);
      go.disabled = !now.topic;
      stop.hidden = !search.running;
      more.hidden = !search.more;
      more.textContent = search.more === "Continue" ? "▶ Continue" : `▶ ${search.more}`;
      bar.hidden = search.share == null;
      if (search.share != null) bar.value = search.share;
      status.textContent = search.text;
      errors.textContent = search.errors ? `▲ ${search.errors}` : "";
      if (now.form && signature !== shown) {
        shown = signature;
        tried.textContent = "";
        which.value = now.form.newest ? "newest" : "first";
        const fields = { limit, from, to, partitions, key, header, mode, where };
        for (const [name, input] of Object.entries(fields)) input.value = now.form[name];
        kept = now.form.function;
        fn.textContent = kept ? "a function set in code" : "";
        hint();
      }
      if (choices.childElementCount === 0 && now.choices.length) {
        choices.append(
          el("legend", { text: "Side effect" }),
          ...now.choices.map((one) => {
            const radio = el("input", {
              type: "radio",
              name: `bk-effect-${number}`,
              onchange: () => {
                effect = one.value;
                subscription.hidden = !one.needs_subscription;
                sure.hidden = !model.get("state").confirm;
              },
            });
            return el(
              "label",
              { class: "bk-choice" },
              radio,
              el("span", {}, el("strong", { text: one.value }), `: ${one.text}`),
            );
          }),
          subscription,
        );
        subscription.hidden = true;
        for (const each of [to, partitions, key, header, mode, where, which]) each.disabled = true;
      }
      choices.hidden = !now.choices.length;
    },
    tried(message) {
      tried.textContent = message.text;
    },
  };
}
