import { address, asked, call, colour, runLink, show } from "./airflow.js";
import { chart, library, look, modelName, plain, steps } from "./charts.js";
import { decide, editorsDecide } from "./decide.js";
import { badge, el, interval, moment, moved, number, numbers, percent, seconds, table } from "./dom.js";

const dag = asked.get("dag_id") ?? "", run = asked.get("run_id") ?? "";
const path = `dags/${encodeURIComponent(dag)}`;
const pretty = (name) => name.replaceAll("_", " ");
let number_of_policy = null;

function head(view) {
  const last = view.decisions.at(-1);
  const pick = view.numbers.length > 1 ? el("label", {}, "Policy", el("select", { id: "which", on: { change: (event) => { number_of_policy = event.target.value; load(); } } }, view.numbers.map((one) => {
    const option = el("option", { value: one }, String(one));
    option.selected = one === view.number;
    return option;
  }))) : null;
  const download = (name, words) => el("a", { href: address(`${path}/${name}`, { run_id: run, number: name === "policy" ? view.number : null }), download: "" }, words);
  const promote = !view.may_decide ? editorsDecide() : el("button", { id: "promote", disabled: !view.can_promote, on: { click: () => decide(dag, "promote", { run, number: view.number, done: load }) } }, "Promote");
  const title = view.number === null ? "This run has no policy" : view.is_current ? "Serving reads this policy" : "Serving does not read this policy";
  const facts = [["Data up to", moment(view.as_of)], ...(view.when && !last ? [["Recorded", moment(view.when)]] : []), ...(last ? [[pretty(last.action), `${moment(last.when)} by ${last.actor}`], ["Why", last.reason]] : []),
    ...(!view.is_current && view.current_run ? [["Serving reads the policy of", runLink(dag, view.current_run)]] : [])];
  const chosen = Object.entries(view.chosen);
  return el("div", { class: "panel" },
    el("div", { class: "row" }, el("h1", {}, title), last ? badge(last.action) : null, view.degraded ? badge("degraded") : null,
      el("span", { class: "push row" }, pick, view.number !== null ? download("policy", "Download policy") : null, view.number !== null || view.as_of ? download("manifest", "Download manifest") : null, view.number !== null ? promote : null)),
    el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    chosen.length ? el("p", {}, `Chosen at the start: ${chosen.map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(", ")}`) : null,
    view.notes.map((note) => el("p", { class: "warn" }, note)));
}

function bars(view, field) {
  const own = view.models.filter((model) => model[field] !== null || model[`current_${field}`] !== null);
  const now = `current_${field}`, show = field === "weight" ? percent : number;
  const figure = () => {
    const both = [[field, "this run", false], ...(view.is_current || !view.current_run ? [] : [[now, "current policy", true]])];
    const text = field === "weight" ? "%{x:.1%}" : "%{x:.5g}";
    const data = both.map(([key, words, hollow]) => {
      const looks = own.map((model) => look(model.place));
      const base = { x: own.map((model) => model[key]), y: own.map((model) => plain(model.name)), hovertemplate: `%{y}, ${words}: ${text}<extra></extra>` };
      const tones = looks.map((one) => one.colour);
      return field === "weight"
        ? { ...base, type: "bar", orientation: "h", marker: hollow ? { color: "rgba(0,0,0,0)", line: { color: tones, width: 2 } } : { color: tones, pattern: { shape: looks.map((one) => one.pattern) } } }
        : { ...base, type: "scatter", mode: "markers", marker: { size: hollow ? 15 : 9, color: tones, symbol: looks.map((one) => one.sign + (hollow ? "-open" : "")), line: { width: hollow ? 2 : 0 } } };
    });
    const values = field === "weight" ? { tickformat: ".0%", rangemode: "tozero", nticks: 6 } : { type: "log", tickformat: ".3~g", nticks: 6 };
    return { data, layout: { barmode: "group", bargap: 0.25, xaxis: values, yaxis: { autorange: "reversed", dtick: 1, showgrid: field === "score" } } };
  };
  const title = field === "weight" ? "Weights" : "Scores";
  return chart(title, figure, numbers(() => table([
    { title: "Model", value: (model) => modelName(model.name, model.place, model.best) }, { title: "This run", number: true, value: (model) => show(model[field]) },
    { title: "Current policy", number: true, value: (model) => show(model[now]) }, { title: "Moved", number: true, value: (model) => moved(model[field], model[now], (value) => show(value, 3)) },
  ], own)), { unit: (field === "weight" ? "share of the group" : "lower is better, log scale") + (view.is_current ? "" : "; filled: this run, outlined: current policy"), rows: own.length });
}

function models(view) {
  return table([
    { title: "Model", sort: (row) => row.name, value: (row) => modelName(row.name, row.place, row.best) }, { title: "Group", sort: (row) => row.group, value: (row) => row.group },
    { title: "State", sort: (row) => row.state, value: (row) => badge(row.state) },
    { title: "Score", number: true, sort: (row) => row.score, value: (row) => number(row.score) }, { title: "Weight", number: true, sort: (row) => row.weight, value: (row) => percent(row.weight) },
    { title: "Training", number: true, sort: (row) => row.seconds, value: (row) => seconds(row.seconds) }, { title: "Rows", number: true, sort: (row) => row.rows, value: (row) => row.rows ?? "–" },
    { title: "Reason", wrap: true, value: (row) => el("span", {}, row.carried_from ? el("div", {}, "carried from ", runLink(dag, row.carried_from), row.as_of ? `, data up to ${moment(row.as_of)}` : "") : "", row.reason ?? "") },
    { title: "Files", wrap: true, value: (row) => row.artifact || row.kept.length ? el("details", {}, el("summary", {}, row.kept.length ? `${row.kept.length + (row.artifact ? 1 : 0)} files` : "1 file"), el("ul", { class: "plain" }, [row.artifact, ...row.kept].filter(Boolean).map((file) => el("li", {}, file)))) : "" },
  ], view.models, { page: 100, caption: "★ is the best of its group." });
}

function evaluation(view) {
  if (!view.evaluation) return [el("p", { class: "muted" }, view.evaluation_reason ? `Not evaluated: ${view.evaluation_reason}` : "This policy was not evaluated.")];
  const ways = view.ways, place = Object.fromEntries(view.models.map((model) => [model.name, model.place]));
  const figure = () => {
    const title = (way) => plain(way.kind === "ensemble" ? pretty(way.name) : way.name);
    const shown = [...ways].reverse(), ensemble = colour("--fg");
    return { data: [{ type: "bar", orientation: "h", y: shown.map(title), x: shown.map((way) => way.mae), marker: { color: shown.map((way) => way.kind === "ensemble" ? ensemble : look(place[way.name] ?? 0).colour), pattern: { shape: shown.map((way) => way.kind === "ensemble" ? "/" : "") } }, hovertemplate: "%{y}: %{x:.5g}<extra></extra>" }], layout: { xaxis: { rangemode: "tozero", nticks: 6 }, yaxis: { dtick: 1, showgrid: false } } };
  };
  return [
    el("ul", { class: "plain" }, view.evaluation.verdict.map((words) => el("li", {}, words))),
    el("div", { class: "charts" }, chart("Mean absolute error", figure, el("p", { class: "muted" }, `${view.evaluation.rows} validation rows; ${view.evaluation.note}`), { rows: ways.length, unit: "lower is better; hatched: ensembles" }),
      table([
        { title: "Way", value: (way) => way.kind === "model" ? modelName(way.name, place[way.name] ?? 0) : el("strong", {}, pretty(way.name)) }, { title: "Error", number: true, sort: (way) => way.mae, value: (way) => number(way.mae, 5) },
        ...(view.evaluation.holdout ? [{ title: `Last ${view.evaluation.holdout.rows} rows`, number: true, sort: (way) => way.holdout, value: (way) => number(way.holdout, 5) }] : []),
        { title: "Gain", number: true, value: (way) => way.gain ? number(way.gain.gain, 3) : "–" }, { title: "95 % interval", number: true, value: (way) => interval(way.gain) },
      ], ways, { caption: view.evaluation.holdout ? `Mean absolute errors. On the last ${view.evaluation.holdout.rows} rows nothing knows more than the rows before; the best single model so far has ${number(view.evaluation.holdout.best_single_so_far, 5)} there, and gain is against it.` : "Mean absolute errors. Gain: over the best single model." })),
    el("p", { class: "muted" }, `Intervals: ${view.evaluation.interval}`),
  ];
}

function said(view) {
  const parts = [];
  if (view.comparison?.reasons.length) parts.push(el("h2", {}, "Scores may not be comparable"), el("ul", { class: "plain warn" }, view.comparison.reasons.map((words) => el("li", {}, words))));
  if (view.warnings.length) parts.push(el("h2", {}, "Warnings"), el("ul", { class: "plain warn" }, view.warnings.map((words) => el("li", {}, words))));
  return parts;
}

function shared(view) {
  if (!view.comparison) return [];
  return [numbers(() => table([
    { title: "Model", value: ([name]) => name }, { title: "Rows", number: true, value: ([, one]) => one.rows ?? "–" }, { title: "Shared by all", number: true, value: ([, one]) => one.shared },
    { title: "First step", value: ([, one]) => one.first ?? "–" }, { title: "Last step", value: ([, one]) => one.last ?? "–" },
  ], Object.entries(view.comparison.models)), `Which steps the models share (told apart by ${view.comparison.by ?? "nothing"})`)];
}

function rows(view) {
  const place = el("div", {}, el("p", { class: "muted" }, "Reading the validation rows"));
  call(`${path}/rows`, { run_id: run, number: view.number }).then((data) => {
    if (data.reason) return place.replaceChildren(el("p", { class: "muted" }, `There are no rows to show: ${data.reason}`));
    const best = view.models.filter((model) => model.best).map((model) => model.name);
    const names = Object.keys(data.forecasts), chosen = new Set(names.length > 6 ? best : names);
    const places = Object.fromEntries(view.models.map((model) => [model.name, model.place]));
    const { x, axis, columns } = steps(data), fg = () => colour("--fg");
    const lines = (values) => [...names.filter((name) => chosen.has(name)).map((name) => {
      const { colour: tone, dash } = look(places[name] ?? 0);
      return { x, y: values(data.forecasts[name]), name: plain(name), mode: "lines", type: "scatter", line: { color: tone, dash, width: 1.4 }, hovertemplate: `${plain(name)}, %{x}: %{y:.5g}<extra></extra>` };
    }), ...(data.router && chosen.has("\0router") ? [{ x, y: values(data.router), name: "router", mode: "lines", type: "scatter", line: { color: fg(), width: 2.2, dash: "dot" }, hovertemplate: "router, %{x}: %{y:.5g}<extra></extra>" }] : [])];
    chosen.add("\0router");
    const actual = () => ({ x, y: data.actuals, name: "actual", mode: "lines", type: "scatter", line: { color: fg(), width: 2.4 }, hovertemplate: "actual, %{x}: %{y:.5g}<extra></extra>" });
    const error = (values) => values.map((value, index) => (value === null ? null : value - data.actuals[index]));
    const cells = (show) => () => table([...columns, { title: "Actual", number: true, value: (row) => number(data.actuals[row], 5) }, ...names.map((name) => ({ title: name, number: true, value: (row) => number(show(data.forecasts[name])[row], 5) })), { title: "Router", number: true, value: (row) => number(show(data.router)[row], 5) }], data.actuals.map((_, row) => row), { page: 25 });
    const above = chart("Forecasts", () => ({ data: [actual(), ...lines((values) => values)], layout: { xaxis: axis } }), numbers(cells((values) => values)), { tall: true, unit: "unit of the series; thick: actuals, dotted: router" });
    const below = chart("Errors", () => ({ data: lines(error), layout: { xaxis: axis } }), numbers(cells(error)), { tall: true, unit: "forecast less actual; dotted: router" });
    const tick = (name, words) => el("label", {}, el("input", { type: "checkbox", ...(chosen.has(name) ? { checked: true } : {}), on: { change: (event) => {
      if (event.target.checked) chosen.add(name); else chosen.delete(name);
      above.redraw();
      below.redraw();
    } } }), words);
    place.replaceChildren(el("div", { class: "row panel" }, names.map((name) => tick(name, modelName(name, places[name] ?? 0))), tick("\0router", "router")), el("div", { class: "charts" }, above, below),
      data.total > data.actuals.length ? el("p", { class: "muted" }, `The last ${data.actuals.length} of ${data.total} rows.`) : "");
  }).catch((problem) => place.replaceChildren(el("p", { class: "bad" }, problem.message)));
  return [el("h2", {}, "Validation rows"), place];
}

async function load() {
  await show(async () => {
    const view = await call(`${path}/run`, { run_id: run, number: number_of_policy });
    if (view.number === null) return [head(view), el("p", {}, view.no_policy), ...(view.models.length ? [el("h2", {}, "Models"), models(view)] : [])];
    return [head(view), ...said(view), el("div", { class: "charts" }, bars(view, "weight"), bars(view, "score")),
      ...(view.is_current || !view.current_run ? [] : [el("h2", {}, "What moved against the current policy"), view.moves.length ? el("ul", { class: "plain" }, view.moves.map((words) => el("li", {}, words))) : el("p", {}, "Nothing.")]),
      el("h2", {}, "Models"), models(view), el("h2", {}, "Evaluation"), ...evaluation(view), ...shared(view), ...rows(view)];
  });
}

load();
library();
