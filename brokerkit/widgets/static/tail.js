function render({ model, el: root }) {
  let rows = [],
    notes = [],
    fresh = new Set(),
    most = 100,
    unseen = 0,
    chosen = null;
  const status = el("span", { class: "bk-status", role: "status" });
  const counts = el("span", { class: "bk-muted" });
  const pause = el("button", {
    type: "button",
    class: "bk-button",
    onclick: () => model.send({ type: model.get("state").paused ? "resume" : "pause" }),
  });
  const clear = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Clear",
    onclick: () => model.send({ type: "clear" }),
  });
  const stop = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Stop",
    onclick: () => model.send({ type: "stop" }),
  });
  const where = el("input", {
    type: "search",
    class: "bk-input",
    placeholder: "any text",
    spellcheck: "false",
  });
  const key = el("input", { type: "search", class: "bk-input", placeholder: "any key", spellcheck: "false" });
  const filter = later(() => model.send({ type: "filter", where: where.value, key: key.value }), 350);
  where.addEventListener("input", filter);
  key.addEventListener("input", filter);
  const fn = el("span", { class: "bk-muted" });
  const title = el("strong", { class: "bk-title" }),
    marks = badges();
  const chart = el("div", { class: "bk-rate" });
  const problem = el("div", { class: "bk-problem", role: "alert", hidden: true });
  const body = el("tbody");
  const scroll = el(
    "div",
    { class: "bk-scroll", tabindex: "0", role: "region", "aria-label": "Messages, the newest last" },
    el(
      "table",
      { class: "bk-table" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ...["", "time (UTC)", "part.", "offset", "key", "value", "headers", "size"].map((name) =>
            el("th", { scope: "col", text: name }),
          ),
        ),
      ),
      body,
    ),
  );
  const jump = el("button", {
    type: "button",
    class: "bk-button bk-jump",
    hidden: true,
    onclick: () => {
      scroll.scrollTop = scroll.scrollHeight;
    },
  });
  const detail = el("section", { class: "bk-detail", "aria-label": "Selected message", hidden: true });
  const call = callBar("The Python call of this tail");
  const nextCall = callBar("The Python call that edits the selected message");
  const effect = el("div", { class: "bk-effect" });
  root.replaceChildren(
    el(
      "div",
      { class: "bk-panel" },
      el(
        "div",
        { class: "bk-head" },
        title,
        marks.bar,
        status,
        el("span", { class: "bk-space" }),
        pause,
        clear,
        stop,
      ),
      el("div", { class: "bk-head" }, field("Value contains", where), field("Key is", key), counts, fn),
      chart,
      problem,
      el("div", { class: "bk-wrap" }, scroll, jump),
      detail,
      call.bar,
      effect,
    ),
  );

  const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
  scroll.addEventListener("scroll", () => {
    if (atEnd()) {
      unseen = 0;
      jump.hidden = true;
    }
  });
  const MARKS = { following: "●", paused: "❚❚", waiting: "▲", stopped: "■" };
  function state() {
    const now = model.get("state");
    title.textContent = `${now.topic} on ${now.session}`;
    marks.set(now.marks);
    status.textContent = `${MARKS[now.running ? now.status : "stopped"] ?? ""} ${now.text}`;
    status.dataset.status = now.running ? now.status : "stopped";
    counts.textContent = now.counts;
    pause.textContent = now.paused ? "▶ Resume" : "❚❚ Pause";
    for (const each of [pause, stop, where, key]) each.disabled = !now.running;
    setValue(where, now.where);
    setValue(key, now.key);
    fn.textContent = [now.function, now.filter_errors].filter(Boolean).join("; ");
    problem.hidden = !now.problem;
    problem.textContent = now.problem ? `▲ ${now.problem}` : "";
    call.set(now.call);
    effect.textContent = now.effect;
  }
  function noteRow(note) {
    return el("tr", { class: "bk-note" }, el("td", { colspan: "8", text: `▲ ${note.time}  ${note.text}` }));
  }
  function messageRow(row) {
    const value = el(
      "td",
      { class: "bk-value" },
      row.kind === "null"
        ? el("em", { text: "null" })
        : el("bdi", { text: (row.kind === "bytes" ? "bytes: " : "") + row.value }),
    );
    const choose = () => {
      chosen = chosen === row.n ? null : row.n;
      model.send({ type: "select", n: chosen });
      draw();
    };
    return el(
      "tr",
      {
        class: (fresh.has(row.n) ? "bk-new " : "") + (row.n === chosen ? "bk-chosen" : ""),
        tabindex: "0",
        "aria-selected": row.n === chosen ? "true" : "false",
        onclick: choose,
        onkeydown: (event) => {
          if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            choose();
          }
        },
      },
      el("td", {
        class: "bk-mark",
        text: fresh.has(row.n) ? "+" : "",
        "aria-label": fresh.has(row.n) ? "new" : null,
      }),
      el("td", { class: "bk-num", text: row.time }),
      el("td", { class: "bk-num", text: row.partition ?? "" }),
      el("td", { class: "bk-num", text: row.offset ?? "" }),
      el("td", { class: "bk-key" }, el("bdi", { text: row.key ?? "" })),
      value,
      el("td", { class: "bk-key" }, el("bdi", { text: row.attributes })),
      el("td", { class: "bk-num", text: row.size }),
    );
  }
  function draw() {
    const stay = atEnd(),
      place = scroll.scrollTop,
      parts = [];
    let index = 0;
    for (const row of rows) {
      while (index < notes.length && notes[index].before <= row.n) parts.push(noteRow(notes[index++]));
      parts.push(messageRow(row));
    }
    while (index < notes.length) parts.push(noteRow(notes[index++]));
    if (!parts.length)
      parts.push(el("tr", {}, el("td", { colspan: "8", class: "bk-empty", text: "No messages yet." })));
    body.replaceChildren(...parts);
    scroll.scrollTop = stay ? scroll.scrollHeight : place;
    jump.hidden = stay || !unseen;
    jump.textContent = `↓ ${unseen.toLocaleString()} new`;
    if (stay) unseen = 0;
  }
  function showDetail(message) {
    const one = message.detail;
    detail.hidden = !one;
    nextCall.set(message.call);
    if (!one) {
      detail.replaceChildren();
      return;
    }
    const headers = el("dl", { class: "bk-pairs" });
    const pair = (name, value) =>
      headers.append(el("dt", {}, el("bdi", { text: name })), el("dd", {}, el("bdi", { text: value })));
    pair("key", one.key ?? "none");
    for (const [name, value, kind] of one.attributes)
      pair(name, kind === "string" ? value : `${value} (${kind})`);
    if (one.more_attributes) pair("more", `${one.more_attributes} headers are not shown`);
    detail.replaceChildren(
      el(
        "div",
        { class: "bk-head" },
        el("strong", {}, el("bdi", { text: one.title })),
        el("span", {
          class: "bk-muted",
          text: [one.time, one.size, one.kind === "bytes" ? "not UTF-8, escaped" : "", one.cut]
            .filter(Boolean)
            .join(", "),
        }),
      ),
      headers,
      el("pre", { class: "bk-pre", tabindex: "0", text: one.kind === "null" ? "null" : one.value }),
      nextCall.bar,
    );
  }
  const onMessage = (message) => {
    if (message.type === "chart") {
      chart.innerHTML = message.svg;
      return;
    } // our own numbers only
    if (message.type === "detail") {
      showDetail(message);
      return;
    }
    if (message.type === "snapshot") {
      rows = [];
      notes = [];
      fresh = new Set();
      chosen = null;
    } else fresh = new Set(message.rows.map((row) => row.n));
    most = message.most;
    rows = rows.concat(message.rows).slice(-most);
    notes = notes.concat(message.notes).slice(-20);
    if (rows.length) {
      const first = rows[0].n;
      const old = notes.filter((note) => note.before < first);
      notes = notes.filter((note) => note.before >= first);
      if (old.length) notes.unshift({ ...old[old.length - 1], before: first });
    }
    unseen += message.type === "rows" ? message.rows.length : 0;
    draw();
  };
  model.on("msg:custom", onMessage);
  model.on("change:state", state);
  state();
  draw();
  model.send({ type: "hello" });
  const beat = setInterval(() => {
    if (!document.hidden) model.send({ type: "here" });
  }, 20000);
  return () => {
    clearInterval(beat);
    model.off("msg:custom", onMessage);
    model.off("change:state", state);
  };
}
export default { render };
