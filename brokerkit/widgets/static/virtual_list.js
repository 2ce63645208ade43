// Rows of one height, of which only those in view exist. Any number of them: where that is more than an
// element can be high, the scroll bar stands for a share of it.
const TALLEST = 8_000_000;
let listNumber = 0;
function virtualList(options) {
  const { rowHeight, role, label, request, draw, onKey, head = null } = options;
  const prefix = `bk-list-${++listNumber}`;
  const headHeight = head ? rowHeight : 0;
  let total = 0,
    first = 0,
    rows = [],
    asked = "",
    timer = null,
    pinned = false;
  const body = el("div", { class: "bk-rows", role: "presentation" });
  const spacer = el("div", { class: "bk-spacer", role: "presentation" }, body);
  const box = el(
    "div",
    { class: "bk-virtual", role, "aria-label": label, tabindex: "0", "data-lm-suppress-shortcuts": "true" },
    head,
    spacer,
  );
  const height = () => Math.min(TALLEST, total * rowHeight);
  const seen = () => box.clientHeight - headHeight;
  const inView = () => Math.max(1, Math.ceil(seen() / rowHeight));
  const share = () => {
    const room = height() - seen();
    return room <= 0 ? 0 : box.scrollTop / room;
  };
  const top = () => Math.round(share() * Math.max(0, total - inView() + 1));
  function ask(force) {
    const from = Math.max(0, top() - 20),
      count = inView() + 40,
      wanted = `${from}+${count}`;
    if (force || wanted !== asked) {
      asked = wanted;
      request(from, count);
    }
  }
  function place() {
    const visible = top();
    const within = total * rowHeight > TALLEST ? 0 : box.scrollTop - visible * rowHeight;
    const down = Math.max(0, box.scrollTop - (visible - first) * rowHeight - within);
    body.style.transform = `translateY(${down}px)`;
  }
  function fill() {
    body.replaceChildren(
      ...rows.map((row, index) => {
        const node = draw(row, first + index);
        node.id = `${prefix}-${first + index}`;
        return node;
      }),
    );
    const active = body.querySelector(".bk-active");
    if (active) box.setAttribute("aria-activedescendant", active.id);
    else box.removeAttribute("aria-activedescendant");
  }
  box.addEventListener("scroll", () => {
    pinned = total > 0 && box.scrollTop + seen() >= height() - 2;
    place();
    clearTimeout(timer);
    timer = setTimeout(ask, 30);
  });
  box.addEventListener("keydown", (event) => onKey(event));
  return {
    box,
    ask: () => ask(true),
    inView,
    total: () => total,
    pinned: () => pinned,
    row: (index) => rows[index - first],
    toEnd() {
      box.scrollTop = height();
      pinned = true;
      ask();
    },
    toStart() {
      box.scrollTop = 0;
      ask();
    },
    show(index) {
      const visible = top();
      if (index >= visible && index < visible + inView() - 1) return;
      const wanted = index < visible ? index : index - inView() + 2;
      box.scrollTop = (Math.max(0, wanted) / Math.max(1, total - inView() + 1)) * (height() - seen());
      ask();
    },
    set(message) {
      total = message.total;
      first = message.first;
      rows = message.rows;
      spacer.style.height = `${height()}px`;
      box.setAttribute(role === "listbox" ? "data-total" : "aria-rowcount", total);
      fill();
      place();
    },
    redraw: fill,
  };
}
