// Charts by plotly, in the colours of the page. A model has one colour, dash, pattern and sign everywhere.
import { colour, followTheme, isDark } from "./airflow.js";
import { el, number, svg } from "./dom.js";

// Each two of them stay apart for people who do not see red, green or blue, and each from the background.
const LIGHT = ["#1695e9", "#e26801", "#499573", "#650467", "#845d0a", "#0724a0", "#ce5eba", "#8c0512", "#784fcb", "#16628c"];
const DARK = ["#1aa7fc", "#f9bb62", "#75fad2", "#ee66cb", "#b46037", "#8c5ae0", "#80aa18", "#d2befe", "#f5fe1d", "#248b82"];
const DASHES = ["solid", "dash", "dot", "dashdot"];
const STROKES = ["", "7 3", "2 3", "7 3 2 3"];
const PATTERNS = ["", "/", ".", "x"];
const SIGNS = ["circle", "square", "diamond", "cross"];

export function look(place) {
  const tier = Math.floor(place / LIGHT.length) % DASHES.length;
  return { colour: (isDark() ? DARK : LIGHT)[place % LIGHT.length], dash: DASHES[tier], stroke: STROKES[tier], pattern: PATTERNS[tier], sign: SIGNS[tier] };
}

export function modelName(name, place, best = false) {
  const line = svg("line", { x1: 0, y1: 6, x2: 22, y2: 6, "stroke-width": 3 });
  const dress = () => {
    const { colour: tone, stroke } = look(place);
    line.setAttribute("stroke", tone);
    line.setAttribute("stroke-dasharray", stroke);
  };
  dress();
  followTheme(dress);
  return el("span", { class: "model" }, svg("svg", { width: 22, height: 12, "aria-hidden": "true" }, line), name, best ? el("span", { class: "good", title: "best of its group" }, "★") : null);
}

// plotly reads some markup in names and texts: it gets none.
export const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

let loading = null;
// A page with charts calls this when it has asked for its data: the browser reads the script meanwhile.
export function library() {
  loading ??= new Promise((resolve) => {
    const script = el("script", { src: new URL("plotly.min.js", import.meta.url) });
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => resolve(null));
    document.head.append(script);
  });
  return loading;
}

function layout(more) {
  const tone = isDark() ? "rgba(255,255,255,0.13)" : "rgba(0,0,0,0.12)";
  const axis = { gridcolor: tone, linecolor: tone, zerolinecolor: tone, automargin: true, tickfont: { size: 11 } };
  const { xaxis = {}, yaxis = {}, ...rest } = more;
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 56, r: 12, t: 8, b: 36 },
    font: { color: colour("--fg"), family: "Inter, system-ui, DejaVu Sans, sans-serif", size: 12 },
    hovermode: "closest", showlegend: false, hoverlabel: { namelength: -1 },
    xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis }, ...rest,
  };
}

// figure() returns {data, layout}; it is asked again when the theme changes. Rows are those of names on an axis.
export function chart(title, figure, table, { tall = false, unit = "", models = [], rows = 0 } = {}) {
  const size = rows > 24 ? "plot huge" : tall || rows > 10 ? "plot tall" : "plot";
  const plot = el("div", { class: size, role: "img", "aria-label": `${title}. Its table has the same numbers.` });
  const box = el("section", { class: "chart" }, el("h3", {}, title, unit ? el("span", { class: "muted" }, ` (${unit})`) : null), models.length ? el("div", { class: "legend" }, models.map((model) => modelName(model.name, model.place))) : null, plot, table);
  const draw = (Plotly) => {
    const made = figure();
    return Plotly.react(plot, made.data, layout(made.layout ?? {}), { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] });
  };
  library().then(async (Plotly) => {
    if (!Plotly) {
      plot.className = "muted";
      plot.textContent = "Charts need plotly on the API server: pip install 'elpa-airflow[ui]'. The table has the numbers.";
      if (table.tagName === "DETAILS") table.open = true;
      box.dataset.drawn = "table";
      return;
    }
    await new Promise((done) => setTimeout(done)); // it takes its size from the page, where it is then
    await draw(Plotly);
    box.dataset.drawn = "chart";
    performance.mark("drawn");
    followTheme(() => draw(Plotly));
  });
  box.redraw = () => library().then((Plotly) => Plotly && draw(Plotly));
  return box;
}

// The axis of validation rows: their times where they have some, else their numbers.
export function steps(data) {
  const rows = data.actuals.map((_, index) => data.first + index), { times } = data;
  const columns = [{ title: "Row", number: true, value: (row) => rows[row] }, ...(times ? [{ title: "Time", nowrap: true, value: (row) => times[row] }] : [])];
  if (!times) return { x: rows, columns, axis: { title: { text: "validation row", font: { size: 11 } } } };
  if (times.every((text) => /^\d{4}-\d\d-\d\d/.test(text))) return { x: times, columns, axis: { type: "date", nticks: 7 } };
  if (times.every((text) => Number.isFinite(Number(text)))) return { x: times.map(Number), columns, axis: { title: { text: "time", font: { size: 11 } } } };
  return { x: times, columns, axis: { type: "category", nticks: 7 } };
}

export function spark(series, width = 130, height = 26) {
  const picture = svg("svg", { width, height, role: "img", "aria-label": "best scores of the last policies" });
  const told = series.map(([values, , , name]) => [name, values.filter((value) => value !== null)]).filter(([, known]) => known.length);
  picture.append(svg("title", {}, told.map(([name, known]) => `${name}: ${number(known.at(-1))}, of the last ${known.length} lowest ${number(Math.min(...known))}, highest ${number(Math.max(...known))}`).join("\n")));
  for (const [values, dash, tone] of series) {
    const known = values.map((value, index) => [index, value]).filter(([, value]) => value !== null && value > 0);
    if (known.length < 2) continue;
    const logs = known.map(([, value]) => Math.log(value)), low = Math.min(...logs), span = Math.max(...logs) - low || 1;
    const points = known.map(([index], place) => `${(index / (values.length - 1)) * (width - 4) + 2},${height - 3 - ((logs[place] - low) / span) * (height - 6)}`);
    picture.append(svg("polyline", { points: points.join(" "), fill: "none", stroke: `var(${tone})`, "stroke-width": 1.6, "stroke-dasharray": dash }));
  }
  return picture;
}
