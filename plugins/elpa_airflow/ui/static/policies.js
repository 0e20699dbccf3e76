import { call, dagLink, explain, runLink, show } from "./airflow.js";
import { spark } from "./charts.js";
import { age, badge, el, interval, moment, number, refill, table } from "./dom.js";

const WORST = ["unreadable", "reading", "held", "none", "late", "degraded", "experiment", "fine"];

function strip(policies) {
  return el("span", { class: "strip", role: "img", "aria-label": policies.map((one) => one.action ?? "not decided").join(", ") }, policies.map((one) => {
    const look = one.action === "held" || one.action === "failed" ? one.action : one.action === "recorded" || !one.action ? "recorded" : one.degraded ? "degraded" : "";
    return el("i", { class: look || null, title: `${one.run_id}: ${one.action ?? "not decided"}${one.degraded ? ", degraded" : ""}` });
  }));
}

const stateOf = (dag) => (dag.pending ? "reading" : dag.problem ? "unreadable" : dag.state);

// Where there is no current policy, the column of what serving reads says why.
const why = (dag) => (dag.current ? dag.state_reason : "");
const gain = (dag) => dag.current?.gain ?? null;
const best = (dag) => ["online", "offline"].map((group) => el("div", { class: "row tight" }, dag.current.best[group], el("span", { class: "muted push" }, number(dag.current.best_scores[group]))));

const columns = [
  { title: "Dag", sort: (dag) => dag.dag_id, value: (dag) => dagLink(dag.dag_id) },
  { title: "State", sort: (dag) => WORST.indexOf(stateOf(dag)), value: (dag) => el("span", {}, badge(stateOf(dag)), why(dag) ? el("div", { class: "muted note" }, why(dag)) : null) },
  { title: "Serving reads", wrap: true, sort: (dag) => dag.current?.when ?? null, value: (dag) => dag.current ? el("span", {}, runLink(dag.dag_id, dag.current.run_id), el("div", { class: "muted" }, `${dag.current.action.replace("_", " ")} by ${dag.current.actor}: ${dag.current.reason}`)) : el("span", { class: "muted" }, dag.problem ?? dag.state_reason) },
  { title: "Data up to", nowrap: true, sort: (dag) => dag.current?.as_of ?? null, value: (dag) => dag.current ? el("span", {}, moment(dag.current.as_of), el("div", { class: "muted" }, age(dag.current.as_of))) : null },
  { title: "Best models, scores", sort: (dag) => dag.current?.best.online ?? null, value: (dag) => (dag.current ? el("span", { title: "online above, offline below" }, best(dag)) : null) },
  { title: "Router's gain", number: true, sort: (dag) => gain(dag)?.gain ?? null, value: (dag) => gain(dag) ? el("span", { title: "mean absolute error of the best single model so far less that of the router, with its 95 % interval" }, number(gain(dag).gain, 3), el("div", { class: "muted" }, interval(gain(dag)))) : null },
  { title: "Last runs", value: (dag) => dag.strip?.length ? el("span", {}, strip(dag.strip), el("div", {}, spark([[dag.spark.online, "", "--accent", "best online score"], [dag.spark.offline, "4 3", "--warn", "best offline score"]]))) : null },
];

// Stores that have not answered are read on: their lines come later.
async function readOn(dags, draw) {
  for (;;) {
    const late = dags.filter((dag) => dag.pending).slice(0, 50);
    if (!late.length) return;
    const ids = new Set(late.map((dag) => dag.dag_id));
    const answer = await call("dags", { dag_id: [...ids] }).catch((error) => (error.status === 401 ? explain(error) : null));
    if (!answer) return;
    const now = new Map(answer.dags.map((dag) => [dag.dag_id, dag]));
    dags.splice(0, dags.length, ...dags.flatMap((dag) => !ids.has(dag.dag_id) ? [dag] : now.has(dag.dag_id) ? [now.get(dag.dag_id)] : []));
    draw();
    performance.mark("drawn");
    await new Promise((done) => setTimeout(done, 300));
  }
}

show(async () => {
  const { dags } = await call("dags");
  if (!dags.length) return [el("div", { class: "panel empty" }, el("h1", {}, "No ELPA Dag yet"), el("p", {}, "Put a training config into the folder configs beside your Dag file: elpa init DIR writes one to start from. Its Dag appears here once Airflow has parsed it."))];
  const place = el("div"), look = { by: null, down: false, first: 0 };
  const search = el("input", { type: "search", placeholder: "Search Dags and models", "aria-label": "Search Dags and models" });
  const draw = () => {
    const words = search.value.toLowerCase();
    const shown = dags.filter((dag) => [dag.dag_id, badge(stateOf(dag)).textContent, ...(dag.models ?? [])].join("\n").toLowerCase().includes(words));
    refill(place, table(columns, shown, { caption: `${shown.length} of ${dags.length} Dags. Curves: best score, solid online, dashed offline, log scale. Strip, oldest first: full published, outlined recorded, lower degraded, half held back, low failed without a policy.`, look }));
  };
  search.addEventListener("input", () => {
    look.first = 0;
    draw();
  });
  draw();
  readOn(dags, draw);
  return [el("div", { class: "row" }, el("h1", {}, "Policies"), el("span", { class: "push" }, search)), el("div", { class: "below" }, place)];
});
