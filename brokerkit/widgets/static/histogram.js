// Bars over time. Dragging, or the arrow keys with Shift, choose a stretch; Enter makes it the window.
const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attrs) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attrs)) node.setAttribute(name, value);
  return node;
}
function histogram(model) {
  const W = 720,
    H = 76,
    LEFT = 40,
    RIGHT = 6,
    TOP = 6,
    BOTTOM = 16;
  let data = null,
    from = -1,
    to = -1,
    cursor = -1,
    dragging = false;
  const picture = svg("svg", {
    viewBox: `0 0 ${W} ${H}`,
    class: "bk-chart bk-histogram",
    tabindex: "0",
    role: "img",
    "data-lm-suppress-shortcuts": "true",
  });
  const said = el("span", { class: "bk-muted", role: "status" });
  const use = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Set window",
    hidden: true,
    onclick: () => window(),
  });
  const topic = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Topic over time",
    onclick: () => model.send({ type: "histogram", of: "topic" }),
  });
  const rows = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Rows over time",
    onclick: () => model.send({ type: "histogram", of: "rows" }),
  });
  const clear = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Whole topic",
    hidden: true,
    onclick: () => model.send({ type: "window", from: null, to: null }),
  });
  const chart = el("div", { class: "bk-rate", hidden: true });
  chart.append(picture);
  const node = el(
    "section",
    { "aria-label": "Messages over time" },
    el("div", { class: "bk-head" }, topic, rows, clear, use, said),
    chart,
  );
  const utc = (ms) =>
    new Date(ms)
      .toISOString()
      .replace("T", " ")
      .replace(/\.000Z$/, "")
      .replace(/Z$/, "");
  const width = () => (W - LEFT - RIGHT) / Math.max(1, data.counts.length);
  function window() {
    if (from < 0) return;
    model.send({
      type: "window",
      from: data.edges[Math.min(from, to)],
      to: data.edges[Math.max(from, to) + 1],
    });
  }
  function bucket(event) {
    const place = picture.getBoundingClientRect(),
      x = ((event.clientX - place.left) / place.width) * W;
    return Math.max(0, Math.min(data.counts.length - 1, Math.floor((x - LEFT) / width())));
  }
  function mark() {
    const low = Math.min(from, to),
      high = Math.max(from, to),
      chosen = picture.querySelector(".bk-brush");
    chosen.setAttribute("x", LEFT + low * width());
    chosen.setAttribute("width", from < 0 ? 0 : (high - low + 1) * width());
    use.hidden = from < 0;
    if (from >= 0) {
      const count = data.counts.slice(low, high + 1).reduce((a, b) => a + b, 0);
      const span = `${utc(data.edges[low])} to ${utc(data.edges[high + 1])} UTC`;
      said.textContent = `${span}: ${count.toLocaleString()} messages`;
    } else said.textContent = `${data.label}, ${data.source}`;
  }
  function draw() {
    const most = Math.max(1, ...data.counts),
      floor = H - BOTTOM,
      step = width();
    const parts = [
      svg("line", { class: "bk-grid", x1: LEFT, x2: W - RIGHT, y1: floor, y2: floor }),
      svg("rect", { class: "bk-brush", y: TOP, height: floor - TOP, x: LEFT, width: 0 }),
    ];
    data.counts.forEach((count, index) => {
      const height = count ? Math.max(1.5, ((floor - TOP) * count) / most) : 0;
      parts.push(
        svg("rect", {
          class: "bk-bar",
          x: (LEFT + index * step + 0.5).toFixed(2),
          y: (floor - height).toFixed(2),
          width: Math.max(0.6, step - 1).toFixed(2),
          height: height.toFixed(2),
        }),
      );
    });
    const label = (x, y, text, anchor) => {
      const node = svg("text", { class: "bk-tick", x, y, "text-anchor": anchor });
      node.textContent = text;
      parts.push(node);
    };
    label(LEFT - 4, TOP + 6, most.toLocaleString(), "end");
    if (data.edges.length) {
      label(LEFT, H - 4, utc(data.edges[0]), "start");
      label(W - RIGHT, H - 4, utc(data.edges[data.edges.length - 1]), "end");
    }
    picture.replaceChildren(...parts);
    picture.setAttribute(
      "aria-label",
      `${data.label}, ${data.source}. Arrow keys with Shift choose a stretch, Enter sets the window.`,
    );
    mark();
  }
  picture.addEventListener("pointerdown", (event) => {
    if (!data.counts.length) return;
    dragging = true;
    from = to = cursor = bucket(event);
    picture.setPointerCapture(event.pointerId);
    mark();
  });
  picture.addEventListener("pointermove", (event) => {
    if (dragging) {
      to = cursor = bucket(event);
      mark();
    }
  });
  picture.addEventListener("pointerup", () => {
    if (dragging) {
      dragging = false;
      window();
    }
  });
  picture.addEventListener("keydown", (event) => {
    if (!data || !data.counts.length) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) {
      event.preventDefault();
      cursor = Math.max(0, Math.min(data.counts.length - 1, cursor + by));
      if (!event.shiftKey || from < 0) from = cursor;
      to = cursor;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      window();
    } else if (event.key === "Escape") {
      event.preventDefault();
      from = to = -1;
      mark();
    }
  });
  return {
    node,
    set(message) {
      data = message.histogram;
      from = to = cursor = -1;
      chart.hidden = !data || !data.counts.length;
      use.hidden = true;
      if (!data) {
        said.textContent = "";
        return;
      }
      if (data.counts.length) draw();
      else said.textContent = `${data.label}, ${data.source}`;
    },
    state(now) {
      for (const each of [topic, rows]) each.disabled = !now.topic;
      clear.hidden = !(now.form && (now.form.from || now.form.to));
    },
  };
}
