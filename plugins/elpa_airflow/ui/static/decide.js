// Promote, roll back, lift: a dialog that says what will change, a reason, and then the decision.
import { call, Refused } from "./airflow.js";
import { el } from "./dom.js";

const TITLES = { promote: "Promote this policy", rollback: "Roll back", lift: "Lift what was ruled out" };

const EDITORS = "Who may edit this Dag promotes and rolls back: you may look.";

// Stands where others have the buttons.
export const editorsDecide = () => el("span", { class: "push muted" }, EDITORS);

export async function decide(dag, action, { run = "", number = null, done }) {
  const dialog = el("dialog", { "aria-labelledby": "decide-title" }, el("h2", { id: "decide-title" }, TITLES[action]));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  const cancel = el("button", { on: { click: () => dialog.close() } }, "Cancel");
  const path = `dags/${encodeURIComponent(dag)}`;
  let preview;
  try {
    preview = await call(`${path}/change`, { action, run_id: run, number });
  } catch (error) {
    dialog.append(el("p", {}, error.message), cancel);
    dialog.showModal();
    return;
  }
  const reason = el("textarea", { id: "reason", required: true, maxlength: 2000, placeholder: "Why? For those who come after." });
  const problem = el("p", { class: "bad", role: "alert" });
  const go = el("button", { class: "primary", disabled: true }, TITLES[action]);
  reason.addEventListener("input", () => { go.disabled = !reason.value.trim(); });
  go.addEventListener("click", async () => {
    go.disabled = true;
    const wish = { reason: reason.value.trim(), token: preview.token };
    if (action === "promote") Object.assign(wish, { run_id: run, number: preview.to_number });
    try {
      await call(`${path}/${action}`, {}, wish);
      dialog.close();
      done();
    } catch (error) {
      const may = error instanceof Refused && error.status === 403 ? EDITORS : error.message;
      problem.textContent = may;
      go.disabled = false;
    }
  });
  const list = preview.moves.length ? el("ul", {}, preview.moves.map((words) => el("li", {}, words))) : null;
  dialog.append(el("p", {}, preview.words), list ?? "", el("label", { for: "reason" }, "Reason"), reason, problem, el("div", { class: "row" }, el("span", { class: "push" }), cancel, go));
  dialog.showModal();
  reason.focus();
}
