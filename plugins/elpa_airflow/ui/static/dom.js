// Elements, numbers and moments as every page shows them. Text is always text, never markup.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const finite = (value) => typeof value === "number" && Number.isFinite(value);

const formats = new Map(); // to make one costs more than to use it
function format(digits) {
  if (!formats.has(digits)) formats.set(digits, new Intl.NumberFormat("en", { maximumSignificantDigits: digits, useGrouping: false }));
  return formats.get(digits);
}

export function number(value, digits = 4) {
  if (!finite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(digits - 1).replace(/^-/, "−");
  return format(Math.max(digits, String(Math.trunc(size)).length)).format(value).replace(/^-/, "−");
}

export const percent = (value) => (finite(value) ? `${(100 * value).toFixed(1)} %` : "–");

export function moved(now, before, show) {
  if (!finite(now) || !finite(before)) return "–";
  const change = now - before;
  if (change === 0) return "±0";
  return `${change > 0 ? "▲ +" : "▼ −"}${show(Math.abs(change))}`;
}

// The ends of a gain's interval, or why there are none.
export function interval(gain) {
  if (!gain) return "–";
  return finite(gain.low) && finite(gain.high) ? `${number(gain.low, 3)} to ${number(gain.high, 3)}` : gain.no_interval ?? "no interval";
}

export function seconds(value) {
  if (!finite(value)) return "–";
  if (value < 120) return `${value.toFixed(1)} s`;
  return value < 7200 ? `${(value / 60).toFixed(1)} min` : `${(value / 3600).toFixed(1)} h`;
}

export function moment(text) {
  if (!text) return "–";
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export function age(text) {
  const passed = (Date.now() - new Date(text).getTime()) / 1000;
  if (!Number.isFinite(passed)) return "";
  if (passed < 0) return "in the future";
  if (passed < 3600) return `${Math.round(passed / 60)} min old`;
  return passed < 172800 ? `${Math.round(passed / 3600)} h old` : `${Math.round(passed / 86400)} days old`;
}

const WORDS = {
  published: ["good", "● published"], recorded: ["muted", "○ recorded"], held: ["bad", "■ held back"],
  promoted: ["good", "▲ promoted"], rolled_back: ["warn", "◄ rolled back"], lifted: ["muted", "◇ lifted"],
  fine: ["good", "● fine"], degraded: ["warn", "▲ degraded"], late: ["warn", "◷ late"],
  experiment: ["muted", "○ experiment recorded"], none: ["muted", "○ never published"],
  unreadable: ["bad", "■ unreadable"], reading: ["muted", "◌ reading"],
  trained: ["good", "● trained"], carried: ["muted", "◆ carried"], failed: ["bad", "■ failed"], "left out": ["muted", "○ left out"],
};

// What belongs to a cell's content and matters less stands below it.
export const over = (content, below) => el("span", {}, content, el("div", { class: "muted" }, below));

export function badge(state) {
  const [tone, words] = WORDS[state] ?? ["muted", state ?? "not decided"];
  return el("span", { class: `badge ${tone}` }, words);
}

// Put other content into a place. Who was on a button or a link there stays on the one with the same words.
export function refill(place, ...content) {
  const words = place.contains(document.activeElement) ? document.activeElement.textContent : null;
  place.replaceChildren(...content);
  if (words === null) return;
  const usable = [...place.querySelectorAll("button:enabled, a[href]")];
  (usable.find((one) => one.textContent === words) ?? usable.at(-1))?.focus();
}

// columns: {title, value(row), number, sort(row), wrap}; look: order and page, kept where a table is drawn anew
export function table(columns, rows, { caption = null, page = 50, look: kept = { by: null, down: false, first: 0 } } = {}) {
  let shown = rows;
  kept.first = Math.max(0, Math.min(kept.first, page * Math.floor((rows.length - 1) / page)));
  const body = el("tbody"), pager = el("div", { class: "pager" });
  const head = el("tr", {}, columns.map((column, index) => {
    const classes = column.number ? "number" : "";
    const text = column.sort ? el("button", { on: { click: () => order(index) } }, column.title) : column.title;
    return el("th", { class: classes, scope: "col" }, text);
  }));
  function order(index) {
    kept.down = kept.by === index ? !kept.down : false;
    kept.by = index;
    sort();
    kept.first = 0;
    draw();
  }
  function sort() {
    const { by: index, down } = kept, key = columns[index].sort;
    const rank = (value) => (value === null || value === undefined ? 1 : 0);
    shown = [...rows].sort((a, b) => {
      const x = key(a), y = key(b);
      if (rank(x) || rank(y)) return rank(x) - rank(y);
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
    [...head.children].forEach((cell, place) => cell.setAttribute("aria-sort", place !== index ? "none" : down ? "descending" : "ascending"));
  }
  function draw() {
    body.replaceChildren(...shown.slice(kept.first, kept.first + page).map((row) => {
      return el("tr", {}, columns.map((column) => {
        const classes = [column.number ? "number" : "", column.wrap ? "wrap" : "", column.nowrap ? "nowrap" : ""].join(" ").trim();
        return el("td", { class: classes || null }, column.value(row) ?? "–");
      }));
    }));
    if (rows.length <= page) return pager.replaceChildren();
    refill(pager,
      el("button", { disabled: kept.first === 0, on: { click: () => { kept.first -= page; draw(); } } }, "Back"),
      el("button", { disabled: kept.first + page >= rows.length, on: { click: () => { kept.first += page; draw(); } } }, "Next"),
      el("span", { class: "muted" }, `${kept.first + 1} to ${Math.min(kept.first + page, rows.length)} of ${rows.length}`),
    );
  }
  if (kept.by !== null) sort();
  draw();
  return el("div", { class: "scroll" }, el("table", {}, caption ? el("caption", {}, caption) : null, el("thead", {}, head), body), pager);
}

// The table of a chart's numbers, built when somebody opens it.
export function numbers(build, words = "The same numbers as a table") {
  const details = el("details", {}, el("summary", {}, words));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(build());
  });
  return details;
}
