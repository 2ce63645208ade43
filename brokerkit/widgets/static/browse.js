function render({ model, el: root }) {
  const title = el("strong", { class: "bk-title" }),
    marks = badges(),
    effect = el("span", { class: "bk-effect" });
  const problem = el("div", { class: "bk-problem", role: "alert", hidden: true });
  const topics = topicList(model),
    form = queryForm(model),
    chart = histogram(model);
  const table = messageTable(
    model,
    () => form.where.focus(),
    () => message.focus(),
  );
  const message = messageView(model, () => table.box.focus());
  const call = callBar("The Python call that gives these rows"),
    fixed = callBar("The same with fixed ends");
  const exact = el(
    "details",
    { class: "bk-exact" },
    el("summary", { class: "bk-muted", text: "the same rows later, too" }),
    fixed.bar,
  );
  const middle = el(
    "div",
    { class: "bk-middle" },
    form.node,
    chart.node,
    el("div", { class: "bk-split" }, table.node, message.node),
    call.bar,
    exact,
  );
  root.replaceChildren(
    el(
      "div",
      { class: "bk-panel bk-browser" },
      el("div", { class: "bk-head" }, title, marks.bar, el("span", { class: "bk-space" }), effect),
      problem,
      el("div", { class: "bk-columns" }, topics.node, middle),
    ),
  );
  function state() {
    const now = model.get("state");
    title.textContent = now.topic ? `${now.topic} on ${now.session}` : now.session;
    marks.set(now.marks);
    effect.textContent = now.effect;
    problem.hidden = !now.problem;
    problem.textContent = now.problem ? `▲ ${now.problem}` : "";
    form.set(now);
    table.state(now);
    message.state(now);
    chart.state(now);
    call.set(now.call);
    fixed.set(now.fixed_call);
    exact.hidden = now.fixed_call === now.call;
  }
  const parts = {
    topics: (one) => topics.set(one),
    described: (one) => topics.describe(one.topic),
    rows: (one) => table.set(one),
    selection: (one) => table.selection(one),
    detail: (one) => message.set(one),
    payload: (one) => message.payload(one.payload),
    copied: (one) => message.copied(one),
    compared: (one) => message.compared(one),
    histogram: (one) => chart.set(one),
    tried: (one) => form.tried(one),
  };
  const onMessage = (one) => parts[one.type]?.(one);
  model.on("msg:custom", onMessage);
  model.on("change:state", state);
  state();
  model.send({ type: "hello" });
  topics.ask();
  // events were not sent while the page was hidden
  const back = () => {
    if (!document.hidden) model.send({ type: "hello" });
  };
  document.addEventListener("visibilitychange", back);
  const beat = setInterval(() => {
    if (!document.hidden) model.send({ type: "here" });
  }, 20000);
  return () => {
    clearInterval(beat);
    document.removeEventListener("visibilitychange", back);
    model.off("msg:custom", onMessage);
    model.off("change:state", state);
  };
}
export default { render };
