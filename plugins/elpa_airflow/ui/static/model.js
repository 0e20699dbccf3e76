import { asked, call, paged, runLink, show } from "./airflow.js";
import { chart, library, look, modelName, steps } from "./charts.js";
import { badge, el, moment, number, numbers, percent, seconds, table } from "./dom.js";

const dag = asked.get("dag_id") ?? "", run = asked.get("run_id") ?? "";
const name = (asked.get("task_id") ?? "").replace(/^(online|offline)\./, ""); // a name may have dots
const path = `dags/${encodeURIComponent(dag)}`;

function overTime(view, one) {
  const build = () => paged(`${path}/policies`, "policies", [{ title: "Data up to", value: (row) => moment(row.as_of) }, { title: "Run", value: (row) => runLink(dag, row.run_id) }, { title: "Score", number: true, value: (row) => number(row.scores[name]) }, { title: "Weight", number: true, value: (row) => percent(row.weights[name]) }], { count: 25 });
  return ["score", "weight"].map((field) => chart(field === "score" ? "Score over the runs" : "Weight over the runs", () => ({
    data: [{ x: view.points.map((point) => point.as_of), y: one[field], type: "scatter", mode: view.points.length > 1 ? "lines+markers" : "markers", line: { color: look(one.place).colour, dash: look(one.place).dash }, marker: { size: view.points.map((point) => (point.run_id === run ? 11 : 4)) }, hovertemplate: field === "score" ? "%{x|%Y-%m-%d %H:%M}: %{y:.5g}<extra></extra>" : "%{x|%Y-%m-%d %H:%M}: %{y:.1%}<extra></extra>" }],
    layout: { xaxis: view.points.length > 1 ? { type: "date", nticks: 7 } : { type: "category" }, yaxis: field === "score" ? { type: "log", tickformat: ".3~g", nticks: 6 } : { tickformat: ".0%", rangemode: "tozero" } },
  }), numbers(build), { unit: field === "score" ? "lower is better, log scale; large: this run" : "share of the group; large: this run" }));
}

function errors(data, place) {
  const values = data.forecasts[name];
  if (data.reason || !values) return [el("p", { class: "muted" }, `There are no validation errors to show: ${data.reason ?? "the policy does without this model"}`)];
  const error = values.map((value, index) => (value === null ? null : value - data.actuals[index])), { x, axis, columns } = steps(data);
  const build = () => table([...columns, { title: "Actual", number: true, value: (row) => number(data.actuals[row], 5) }, { title: "Forecast", number: true, value: (row) => number(values[row], 5) }, { title: "Error", number: true, value: (row) => number(error[row], 5) }], error.map((_, row) => row), { page: 25 });
  const bins = binned(error.filter((value) => value !== null)), range = (bin) => `${number(bin.low)} to ${number(bin.high)}`;
  const counts = () => table([{ title: "Error", number: true, value: range }, { title: "Rows", number: true, value: (bin) => bin.rows }], bins, { page: 40 });
  return [el("div", { class: "charts" },
    chart("Validation errors of this run", () => ({ data: [{ x, y: error, type: "scatter", mode: "lines", line: { color: look(place).colour, width: 1.4 }, hovertemplate: "%{x}: %{y:.5g}<extra></extra>" }], layout: { xaxis: axis } }), numbers(build), { unit: "forecast less actual" }),
    chart("Their distribution", () => ({ data: [{ x: bins.map((bin) => bin.middle), y: bins.map((bin) => bin.rows), width: bins.map((bin) => bin.width), type: "bar", marker: { color: look(place).colour }, text: bins.map(range), textposition: "none", hovertemplate: "%{text}: %{y} rows<extra></extra>" }], layout: { bargap: 0.05 } }), numbers(counts), { unit: "number of rows" }))];
}

// Equal bins between the lowest and the highest value, about as many as the root of their number.
function binned(values) {
  if (!values.length) return [];
  const low = Math.min(...values), high = Math.max(...values), count = high > low ? Math.min(40, Math.ceil(Math.sqrt(values.length))) : 1;
  const width = (high - low) / count || 1, rows = Array(count).fill(0);
  for (const value of values) rows[Math.min(count - 1, Math.floor((value - low) / width))] += 1;
  return rows.map((number_of_rows, index) => ({ low: low + index * width, high: low + (index + 1) * width, middle: low + (index + 0.5) * width, width, rows: number_of_rows }));
}

show(async () => {
  const view = await call(path, { width: 400, run_id: run });
  const one = view.series.find((series) => series.name === name), row = view.league.find((model) => model.name === name);
  if (!one && !row) return [el("div", { class: "panel empty" }, el("h1", {}, name === "integrate" ? "This task makes the policy" : "No scores of this model yet"), el("p", {}, name === "integrate" ? "What it decided stands in the run's tab Policy." : "They stand here when the task integrate of a run has ended."), runLink(dag, run))];
  const own = await call(`${path}/run`, { run_id: run }).catch(() => null);
  const data = await call(`${path}/rows`, { run_id: run }).catch((error) => ({ reason: error.message, forecasts: {} }));
  const here = own?.models.find((model) => model.name === name), place = one?.place ?? row.place;
  const facts = [["Score in this run", number(here?.score)], ["Weight in this run", percent(here?.weight)], ["Training time", seconds(here?.seconds ?? row?.seconds)], ["Validation rows", here?.rows ?? "–"], ["Failures", row ? `${row.failures} of ${row.policies} policies` : "–"]];
  return [el("div", { class: "panel" }, el("div", { class: "row" }, el("h1", {}, modelName(name, place, here?.best)), here ? badge(here.state) : null), here?.reason ? el("p", {}, here.reason) : null, el("dl", { class: "facts" }, facts.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, String(value))))),),
    ...(one ? [el("div", { class: "charts" }, overTime(view, one))] : []), el("h2", {}, "Errors on the validation rows"), ...errors(data, place)];
});
library();
