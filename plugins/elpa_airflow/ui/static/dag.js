import { asked, call, colour, paged, runLink, show } from "./airflow.js";
import { chart, library, look, modelName, plain } from "./charts.js";
import { decide, editorsDecide } from "./decide.js";
import { age, badge, el, interval, moment, moved, number, numbers, over, percent, seconds, table } from "./dom.js";

const dag = asked.get("dag_id") ?? "";
const path = `dags/${encodeURIComponent(dag)}`;
const filter = { kind: "", since: "", group: "" };
const pretty = (name) => name.replaceAll("_", " ");
const since = () => (filter.since ? new Date(Date.now() - filter.since * 86400000).toISOString() : "");
const at = (one) => Date.parse(one.as_of);
const SIGNS = { held: "square", promoted: "triangle-up", rolled_back: "triangle-left", lifted: "diamond-open", recorded: "circle-open" };

function head(view) {
  const now = view.current;
  const actions = !view.may_decide ? editorsDecide() : el("span", { class: "push row" },
    el("button", { id: "rollback", disabled: !view.can_roll_back, on: { click: () => decide(dag, "rollback", { done: load }) } }, "Roll back"),
    view.can_lift ? el("button", { id: "lift", title: "Let runs be published by themselves again that a rollback or a promotion rules out", on: { click: () => decide(dag, "lift", { done: load }) } }, "Lift") : null);
  const facts = now ? [
    ["Serving reads the policy of", runLink(dag, now.run_id)], ["Data up to", `${moment(now.as_of)}, ${age(now.as_of)}`],
    [pretty(now.action), `${moment(now.when)} by ${now.actor}`], ["Why", now.reason],
    ["Best models", el("span", {}, ["online", "offline"].map((group) => el("div", {}, `${group}: ${now.best[group]}, score ${number(now.best_scores[group])}`)))],
    ["Gain of the router over the best single model", now.gain ? `${number(now.gain.gain, 3)} (95 %: ${interval(now.gain)})` : "not evaluated"],
  ] : [];
  return el("div", { class: "panel" },
    el("div", { class: "row" }, el("h1", {}, now ? `Publication ${now.number}` : view.state === "unreadable" ? "The current policy cannot be shown" : "No policy is published"), badge(view.state), actions),
    view.state_reason ? el("p", {}, view.state_reason) : null,
    el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
}

// Decisions stand at the top of a chart, ticks on its time axis are policies that were published by themselves.
// The ticks are one line along the axis: a sign of its own for each would cost as much as all the rest.
function marks(view) {
  const base = { yaxis: "y2", cliponaxis: false, type: "scatter", hovertemplate: "%{text}<extra></extra>" }, tone = colour("--fg");
  const decided = view.marks.filter((mark) => SIGNS[mark.action]), { published } = view;
  const words = (point) => plain(`published: ${point.run_id}`);
  return [
    { ...base, mode: "markers", x: decided.map(at), y: decided.map(() => 1), text: decided.map((mark) => plain(`${pretty(mark.action)} by ${mark.actor}: ${mark.reason}`.slice(0, 160))), marker: { symbol: decided.map((mark) => SIGNS[mark.action]), size: 9, color: tone, line: { width: 1.2, color: tone } } },
    { ...base, mode: "lines", x: published.flatMap((point) => Array(3).fill(at(point))), y: published.flatMap(() => [0, 0.03, 0]), text: published.flatMap((point) => Array(3).fill(words(point))), line: { width: 1.2, color: tone } },
  ];
}

const MARKS_AXIS = { overlaying: "y", range: [0, 1], visible: false, fixedrange: true };

function bar(view, one, field) {
  const { colour: tone, pattern } = look(one.place), show = field === "weight" ? "weight %{y:.1%}" : "score %{y:.5g}";
  return { x: [field === "weight" ? moment(view.points[0].as_of) : plain(one.name)], y: one[field], name: plain(one.name), type: "bar", marker: { color: tone, pattern: { shape: pattern } }, hovertemplate: `${plain(one.name)}, ${show}<extra></extra>` };
}

function trace(view, one, field) {
  if (view.points.length === 1) return bar(view, one, field);
  const { colour: tone, dash, pattern } = look(one.place);
  const base = { x: view.points.map(at), y: one[field], name: plain(one.name), type: "scatter", mode: view.points.length < 40 ? "lines+markers" : "lines", marker: { size: 5, color: tone } };
  return field === "weight"
    ? { ...base, stackgroup: "weights", line: { color: tone, width: 0.6, dash }, fillpattern: { shape: pattern, bgcolor: pattern ? "rgba(0,0,0,0)" : tone, fgcolor: tone, solidity: 0.55 }, fillcolor: tone, hovertemplate: `${plain(one.name)}<br>%{x|%Y-%m-%d %H:%M}<br>weight %{y:.1%}<extra></extra>` }
    : { ...base, line: { color: tone, width: 1.8, dash }, connectgaps: false, hovertemplate: `${plain(one.name)}<br>%{x|%Y-%m-%d %H:%M}<br>score %{y:.5g}<extra></extra>` };
}

// Room for labels is set once: looking for it makes plotly draw twice.
function frame(view, field) {
  const still = { automargin: false, ticklabeloverflow: "allow" }, alone = view.points.length === 1;
  return {
    margin: { l: 56, r: 24, t: 18, b: 36 }, barmode: "stack", bargap: 0.5, yaxis2: MARKS_AXIS,
    xaxis: alone ? { type: "category" } : { ...still, type: "date", nticks: 7 },
    yaxis: field === "weight" ? { ...still, range: [0, 1], tickformat: ".0%", tickvals: [0, 0.25, 0.5, 0.75, 1] } : { ...still, type: "log", tickformat: ".3~g", nticks: 6 },
  };
}

function charts(view) {
  const groups = ["online", "offline"].filter((group) => !filter.group || filter.group === group);
  const data = (group, field) => () => paged(`${path}/policies`, "policies", [
    { title: "Data up to", nowrap: true, value: (row) => moment(row.as_of) }, { title: "Run", value: (row) => runLink(dag, row.run_id) },
    ...view.series.filter((one) => one.group === group).map((one) => ({ title: one.name, number: true, value: (row) => (field === "weight" ? percent(row.weights[one.name]) : number(row.scores[one.name])) })),
  ], { count: 25, query: { kind: filter.kind, since: since() } });
  return el("div", { class: "charts" }, groups.flatMap((group) => {
    const own = view.series.filter((one) => one.group === group);
    return ["weight", "score"].map((field) => chart(
      field === "weight" ? `Weights of the ${group} models` : `Scores of the ${group} models`,
      () => ({
        data: [...own.map((one) => trace(view, one, field)), ...(view.points.length > 1 ? marks(view) : [])],
        layout: frame(view, field),
      }),
      numbers(data(group, field)), { models: own, unit: field === "score" ? "lower is better, log scale" : "share of the group" }));
  }));
}

function league(view) {
  return table([
    { title: "Model", sort: (row) => row.name, value: (row) => modelName(row.name, row.place, row.best) },
    { title: "Group", sort: (row) => row.group, value: (row) => row.group },
    { title: "Score", number: true, sort: (row) => row.score, value: (row) => over(number(row.score), moved(row.score, row.score_before, (value) => number(value, 3))) },
    { title: "Weight", number: true, sort: (row) => row.weight, value: (row) => over(percent(row.weight), moved(row.weight, row.weight_before, percent)) },
    { title: "Failures", number: true, sort: (row) => row.failures, value: (row) => `${row.failures} of ${row.policies}` },
    { title: "Training", number: true, sort: (row) => row.seconds, value: (row) => seconds(row.seconds) },
    { title: "Trained, data up to", nowrap: true, sort: (row) => row.trained_at, value: (row) => over(moment(row.trained_at), moment(row.as_of)) },
    { title: "Remarks", wrap: true, value: (row) => el("span", {}, row.carried_from ? el("span", {}, "carried from ", runLink(dag, row.carried_from)) : "", row.reason ? el("div", {}, row.reason) : "") },
  ], view.league.filter((row) => !filter.group || row.group === filter.group), { caption: "Below score and weight: how they moved against the publication before. ★ is the best of its group." });
}

function history() {
  return paged(`${path}/history`, "decisions", [
    { title: "When, who", nowrap: true, value: (row) => over(moment(row.when), row.actor) }, { title: "What", value: (row) => over(badge(row.action), row.number ? `publication ${row.number}` : "") },
    { title: "Policy of run, data up to", wrap: true, value: (row) => over(runLink(dag, row.run_id), moment(row.as_of)) }, { title: "Why", wrap: true, value: (row) => row.reason },
  ]);
}

function policies(view) {
  const pick = [], same = (row) => (other) => other.run_id === row.run_id && other.number === row.number;
  const compare = el("button", { disabled: true, on: { click: () => side(pick[0], pick[1]) } }, "Compare the two that are ticked");
  const columns = [
    { title: "", value: (row) => el("input", { type: "checkbox", "aria-label": `compare ${row.run_id}`, ...(pick.some(same(row)) ? { checked: true } : {}), on: { change: (event) => {
      if (event.target.checked) pick.push(row); else pick.splice(pick.findIndex(same(row)), 1);
      compare.disabled = pick.length !== 2;
    } } }) },
    { title: "Run, data up to", wrap: true, value: (row) => over(runLink(dag, row.run_id), `${moment(row.as_of)}${row.number > 1 ? `, policy ${row.number}` : ""}`) },
    { title: "State", value: (row) => el("span", { class: "badges" }, badge(row.action), row.degraded ? badge("degraded") : "") },
    { title: "Best models", value: (row) => el("span", {}, row.best.online ?? "–", el("div", {}, row.best.offline ?? "–")) },
    { title: "Router's gain, verdict", wrap: true, value: (row) => over(row.gain ? number(row.gain.gain, 3) : "–", row.verdict.at(-1) ?? "") },
    ...(view.may_decide ? [{ title: "", value: (row) => el("button", { disabled: view.current?.run_id === row.run_id && view.current?.policy_number === row.number, on: { click: () => decide(dag, "promote", { run: row.run_id, number: row.number, done: load }) } }, "Promote") }] : []),
  ];
  const beside = el("div", { id: "beside" });
  async function side(one, other) {
    const [old, young] = [one, other].sort((a, b) => (a.as_of < b.as_of ? -1 : 1));
    const answer = await call(`${path}/compare`, { old_run: old.run_id, old_number: old.number, new_run: young.run_id, new_number: young.number }).catch((error) => beside.replaceChildren(el("p", { class: "bad" }, error.message)));
    if (!answer) return;
    const names = [...new Set([...answer.old.models, ...answer.new.models].map((model) => model.name))];
    const find = (view, name) => view.models.find((model) => model.name === name);
    beside.replaceChildren(el("h3", {}, "Side by side"), answer.moves.length ? el("ul", { class: "plain" }, answer.moves.map((words) => el("li", {}, words))) : el("p", {}, "Nothing moved."), table([
      { title: "Model", value: (name) => modelName(name, (find(answer.new, name) ?? find(answer.old, name)).place) },
      { title: over("Score", moment(old.as_of)), number: true, value: (name) => number(find(answer.old, name)?.score) }, { title: over("Score", moment(young.as_of)), number: true, value: (name) => number(find(answer.new, name)?.score) },
      { title: "Moved", number: true, value: (name) => moved(find(answer.new, name)?.score, find(answer.old, name)?.score, (value) => number(value, 3)) },
      { title: over("Weight", moment(old.as_of)), number: true, value: (name) => percent(find(answer.old, name)?.weight) }, { title: over("Weight", moment(young.as_of)), number: true, value: (name) => percent(find(answer.new, name)?.weight) },
      { title: "Moved", number: true, value: (name) => moved(find(answer.new, name)?.weight, find(answer.old, name)?.weight, percent) },
    ], names));
    beside.scrollIntoView({ block: "nearest" });
  }
  return [el("h2", {}, "All policies"), el("div", { class: "row above" }, compare), beside, paged(`${path}/policies`, "policies", columns, { query: { kind: filter.kind, since: since() } })];
}

function filters(view) {
  const choose = (name, label, options) => el("label", {}, label, el("select", { id: `filter-${name}`, on: { change: (event) => { filter[name] = event.target.value; load(); } } }, options.map(([value, words]) => {
    const option = el("option", { value }, words);
    option.selected = filter[name] === value;
    return option;
  })));
  const times = [["", "all time"], ["1", "last day"], ["7", "last 7 days"], ["30", "last 30 days"], ["90", "last 90 days"]];
  return el("div", { class: "row panel" }, choose("group", "Group", [["", "both"], ["online", "online"], ["offline", "offline"]]), choose("kind", "Runs", [["", "all"], ...view.kinds.map((kind) => [kind, pretty(kind)])]), choose("since", "Time", times), el("span", { class: "muted" }, view.total === 1 ? "1 policy" : `${view.total} policies`),
    view.points.length > 1 ? el("span", { class: "muted push" }, "Marks: ■ held back, ▲ promoted, ◄ rolled back, ◇ lifted, ○ experiment; ticks on the time axis: published") : null);
}

const store = (view) => el("p", { class: "muted below" }, `Store: ${view.store}`);

async function load() {
  await show(async () => {
    const width = Math.round(Math.max(200, Math.min(800, document.body.clientWidth / 2.4)));
    const view = await call(path, { width, kind: filter.kind, since: since() });
    if (!view.total && !filter.kind && !filter.since) return [head(view), el("div", { class: "panel empty" }, el("p", {}, "No run has made a policy yet. Trigger this Dag: when its task integrate has ended, the policy stands here.")), store(view)];
    if (!view.total) return [head(view), filters(view), el("div", { class: "panel empty" }, el("p", {}, "No policy is of such runs and of this time.")), el("h2", {}, "Decisions"), history(), store(view)];
    return [head(view), filters(view), charts(view), el("h2", {}, "Models"), league(view), el("h2", {}, "Decisions"), history(), ...policies(view), store(view)];
  });
}

load();
library();
