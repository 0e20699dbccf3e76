// What the frame shares with Airflow around it: theme, links, requests.
import { el, refill, table } from "./dom.js";

const here = location.pathname;
const ROOT = here.slice(0, here.indexOf("/elpa/pages/"));
const listeners = [];

function around() {
  try {
    return parent !== window && parent.document ? parent.document : null;
  } catch {
    return null;
  }
}

export function isDark() {
  const outer = around();
  return outer ? outer.documentElement.classList.contains("dark") : matchMedia("(prefers-color-scheme: dark)").matches;
}

function takeTheme() {
  const outer = around(), root = document.documentElement;
  root.classList.toggle("dark", isDark());
  const names = { "--chakra-colors-bg": "--bg", "--chakra-colors-fg": "--fg" };
  for (const [theirs, ours] of Object.entries(names)) {
    const value = outer ? outer.defaultView.getComputedStyle(outer.documentElement).getPropertyValue(theirs).trim() : "";
    if (value) root.style.setProperty(ours, value);
  }
  listeners.forEach((listener) => listener());
}

export function followTheme(listener) {
  listeners.push(listener);
}

takeTheme();
if (around()) new MutationObserver(takeTheme).observe(around().documentElement, { attributes: true, attributeFilter: ["class", "style", "data-theme"] });
else matchMedia("(prefers-color-scheme: dark)").addEventListener("change", takeTheme);

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A link to a page of Airflow. It is followed in the window around the frame.
export function link(path, words) {
  const address = `${ROOT}${path}`;
  return el("a", { href: address, on: { click: (event) => {
    const outer = around();
    if (!outer || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const anchor = outer.createElement("a");
    anchor.href = address;
    outer.body.append(anchor);
    anchor.click();
    anchor.remove();
  } } }, words);
}

const part = encodeURIComponent;
export const dagPath = (dag) => `/dags/${part(dag)}/plugin/elpa-policy`;
export const runPath = (dag, run) => `/dags/${part(dag)}/runs/${part(run)}/plugin/elpa-run-policy`;
export const dagLink = (dag) => link(dagPath(dag), dag);
export const runLink = (dag, run) => link(runPath(dag, run), run);

export const asked = new URLSearchParams(location.search);

export function address(path, query = {}) {
  const url = new URL(`${ROOT}/elpa/api/v1/${path}`, location.origin);
  for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "") url.searchParams.append(name, one);
  return url;
}

export class Refused extends Error {
  constructor(status, answer) {
    super(typeof answer?.detail === "string" ? answer.detail : JSON.stringify(answer?.detail ?? `HTTP ${status}`));
    this.status = status;
    this.kind = answer?.kind ?? "";
  }
}

export async function call(path, query = {}, body = undefined) {
  const options = { credentials: "same-origin", headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(address(path, query), options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

// A table whose rows the server gives page by page, newest first.
export function paged(path, field, columns, { count = 10, query = {} } = {}) {
  const place = el("div", {}, el("p", { class: "muted" }, "Reading"));
  const say = (error) => place.replaceChildren(el("p", { class: "bad" }, error.message));
  async function page(first) {
    const answer = await call(path, { ...query, first, count });
    const turn = (words, to, disabled) => el("button", { disabled, on: { click: () => page(to).catch(say) } }, words);
    const rows = answer.total ? `${first + 1} to ${Math.min(first + count, answer.total)} of ${answer.total}` : "none";
    const pager = el("div", { class: "pager" }, turn("Newer", first - count, first === 0), turn("Older", first + count, first + count >= answer.total), el("span", { class: "muted" }, rows));
    refill(place, table(columns, answer[field]), ...(answer.total > count ? [pager] : []));
  }
  page(0).catch(say);
  return place;
}

export function explain(error) {
  const main = document.getElementById("main");
  main.removeAttribute("aria-busy");
  if (error instanceof Refused && error.status === 401) {
    const again = el("button", { class: "primary", on: { click: () => (around() ? parent.location.reload() : location.reload()) } }, "Sign in again");
    main.replaceChildren(el("div", { class: "panel empty" }, el("h1", {}, "Your session has ended"), el("p", {}, "Sign in to Airflow again to see the policies."), again));
    return;
  }
  const title = error.status === 403 ? "You may not see this Dag's policies" : error.kind === "store" ? "The store cannot be read" : "Nothing to show";
  const hint = error.status === 403 ? "Ask for read access to the Dag." : error.message;
  main.replaceChildren(el("div", { class: "panel empty" }, el("h1", {}, title), el("p", {}, hint)));
}

let shows = 0;
export async function show(build) {
  const main = document.getElementById("main"), mine = ++shows;
  try {
    const content = await build(), { id } = document.activeElement;
    if (mine !== shows) return; // something else was asked for meanwhile
    main.replaceChildren(...content);
    if (id) document.getElementById(id)?.focus();
    main.removeAttribute("aria-busy");
    performance.mark("drawn"); // for the benchmark of the pages
  } catch (error) {
    if (mine === shows) explain(error);
    if (!(error instanceof Refused)) throw error;
  }
}
