/** Building elements. Data is never parsed as markup. */
export const dom = String.raw`
const $ = (id) => document.getElementById(id);

function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

function s(tag, props, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(3)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

function card(title, ...children) {
  return h("section", { class: "card" }, title && h("h2", {}, title), ...children);
}

function table(columns, rows, nothing) {
  if (rows.length === 0) return h("p", { class: "empty" }, nothing);
  const stacks = columns.some((column) => /text|actions/.test(column.class));
  const cells = (row) => columns.map((column) => h("td", { role: "cell", class: column.class, "data-name": column.name }, h("div", {}, column.cell(row))));
  return h("div", { class: "scroll" }, h("table", { role: "table", class: stacks && "stacks" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((column) => h("th", { role: "columnheader", scope: "col", class: column.class }, column.name)))),
    h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", { role: "row" }, cells(row))))));
}

function pill(state) {
  return h("span", { class: "pill " + state }, state);
}

function button(label, act, kind) {
  const element = h("button", { type: "button", class: kind, onclick: async () => {
    element.disabled = true;
    try { await act(); } catch (thrown) { toast(thrown.message, "bad"); }
    element.disabled = false;
  } }, label);
  return element;
}

function json(value) {
  return h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
}
`;
