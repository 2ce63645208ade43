// Shared by the widgets. Everything that came from a broker is set as text, never as markup.
function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "text") node.textContent = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  for (const child of children) if (child != null) node.append(child);
  return node;
}
function callBar(label) {
  const code = el("code", { class: "bk-code" });
  const said = el("span", { class: "bk-said", role: "status" });
  const copy = el("button", {
    type: "button",
    class: "bk-button bk-quiet",
    text: "Copy",
    "aria-label": "Copy the Python call",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        said.textContent = "copied";
      } catch {
        const range = document.createRange();
        range.selectNodeContents(code);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        said.textContent = document.execCommand("copy") ? "copied" : "press Ctrl+C";
      }
      setTimeout(() => {
        said.textContent = "";
      }, 2000);
    },
  });
  const bar = el("div", { class: "bk-call", role: "group", "aria-label": label }, code, copy, said);
  return {
    bar,
    set(text) {
      if (code.textContent !== text) code.textContent = text;
    },
  };
}
function badges() {
  const bar = el("span", { class: "bk-badges" });
  return {
    bar,
    set(marks) {
      bar.replaceChildren(
        ...marks.map((mark) =>
          el("strong", { class: "bk-badge", text: mark === "PRODUCTION" ? `▲ ${mark}` : mark }),
        ),
      );
    },
  };
}
function setValue(input, value) {
  if (document.activeElement !== input && input.value !== value) input.value = value;
}
function later(action, wait) {
  let timer = null;
  const run = () => {
    clearTimeout(timer);
    timer = setTimeout(action, wait);
  };
  return run;
}
function field(label, input) {
  return el("label", { class: "bk-field" }, el("span", { class: "bk-label", text: label }), input);
}
