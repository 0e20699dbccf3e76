"""What a run decided: its models, its policy beside the current one, its evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

from elpa_core import files
from elpa_core.errors import InputError, Problem
from elpa_core.files import StorePath
from elpa_core.files.strict_json import read_file, read_object
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.trials import is_trial
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.policy import Comparison, ErrorSource, Evaluation
from elpa_core.schema.reading import Part, known_part
from elpa_core.schema.trained_file import trained_files
from elpa_core.store.comparison import moves
from elpa_core.store.layout import DagFolder
from elpa_core.store.model_files import state_file
from elpa_core.store.reading import policy_numbers, recorded_policy
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.store.summaries import ModelSummary, training_seconds
from elpa_core.times import utc_text
from elpa_core.views.book import Book
from elpa_core.views.dag_view import decided
from elpa_core.views.shapes import RunModel, RunView, Way

_WAYS = ("equal_weights", "contract_weights", "recommended_weights", "router")
_STATES = {"ok": "trained", "failed": "failed"}
_Part = TypeVar("_Part", bound=Part)
_NO_POLICY = (
    "The task integrate has made no policy: its log says why. Mend the failed models, and clear them together"
    " with integrate."
)
_DRY_RUN = "This was a dry run: its manifest says which commands it would have run."
_REMOVED = "The files of this run were removed, as elpa runs prune does. Scores, weights and decisions stay."


def run_view(book: Book, run_id: str, number: int | None = None) -> RunView:
    """Return what a run decided; of a run without a policy, what became of its models.

    Parameters
    ----------
    book : Book
        The policies of its Dag.
    run_id : str
        The run.
    number : int, optional
        Which of its policies; the latest if left out.

    Raises
    ------
    InputError
        If the store has nothing of the run, or its policy cannot be read.
    """
    folder = book.folder
    numbers = policy_numbers(folder.policies(run_id))
    manifest, notes = _manifest(book, run_id)
    entries = _entries(manifest)
    stored, no_policy = None, None
    if numbers:
        stored = recorded_policy(folder, run_id, number)
    elif manifest:
        planned = {"planned", "disabled"}
        no_policy = _DRY_RUN if planned.issuperset(e.get("status") for e in entries.values()) else _NO_POLICY
    elif any(entry.run_id == run_id for entry in book.entries):
        no_policy = _REMOVED
    else:
        where, expected = str(folder.run(run_id)), "a run that has ended"
        hint = "the tab fills when its task integrate has ended"
        raise InputError(Problem(where, "", "nothing of this run yet", expected, hint))
    current = book.current
    moved = [] if stored is None or current is None else moves(current.contents, stored.contents)
    evaluation = _shown(Evaluation, stored, "evaluation", notes)
    key = None if stored is None else stored.record.key
    return RunView(
        dag_id=folder.dag_id,
        run_id=run_id,
        number=None if stored is None else stored.record.number,
        numbers=numbers,
        no_policy=no_policy,
        as_of=_as_of(stored, manifest),
        when=None if stored is None else stored.record.when,
        is_current=current is not None and current.record.key == key,
        degraded=stored is not None and stored.contents.degraded,
        decisions=[decided(e) for e in book.entries if e.run_id == run_id and (key is None or e.key == key)],
        models=_models_of_summary(book, run_id, number)
        if no_policy == _REMOVED
        else _models(book, stored, entries, training_seconds(folder, run_id) if entries else {}),
        missing=[] if stored is None else stored.contents.missing,
        ways=[] if evaluation is None else _ways(evaluation),
        evaluation=evaluation,
        evaluation_reason=None if stored is None else _text(stored.raw.get("evaluation_reason")),
        comparison=_shown(Comparison, stored, "comparison", notes),
        warnings=[] if stored is None else _texts(stored.raw.get("warnings")),
        chosen={} if stored is None else stored.contents.chosen,
        moves=[move.words for move in moved],
        current_run=None if current is None else current.record.run_id,
        notes=notes,
        can_promote=stored is not None
        and not is_trial(run_id)
        and (current is None or current.record.key != key),
    )


def _manifest(book: Book, run_id: str) -> tuple[dict[str, Any], list[str]]:
    path = RunFolder(book.folder.run(run_id)).manifest
    try:
        return read_object(path), []
    except InputError as error:
        try:
            there = files.exists(path)
        except OSError:
            there = True
        return {}, [f"The manifest cannot be read: {error}"] if there else []


def _entries(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    models = manifest.get("models")
    found = [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []
    return {str(entry.get("name")): entry for entry in found}


def _models(
    book: Book,
    stored: StoredPolicy | None,
    entries: Mapping[str, Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> list[RunModel]:
    current = None if book.current is None else book.current.contents
    own = None if stored is None else stored.contents
    names: dict[str, str] = {name: str(entry.get("group")) for name, entry in entries.items()}
    lost = {} if own is None else {one.name: one for one in own.missing}
    for policy in (own, current):
        if policy is not None:
            names |= {n: g for g in GROUPS for n in policy.models(g) if n not in names}
    names |= {name: one.group for name, one in lost.items() if name not in names}
    rows = []
    for name, group in names.items():
        entry = entries.get(name, {})
        source = own.errors.get(name) if own is not None else None
        state, reason = _state(entry, source, None if name not in lost else lost[name].intended)
        if name in lost:
            reason = lost[name].reason
        artifact = entry.get("artifact")
        code = entry.get("return_code")
        rows.append(
            RunModel(
                name=name,
                group=group,
                place=book.places.get(name, len(book.places)),
                state=state,
                reason=reason,
                score=own.scores.get(name) if own else None,
                current_score=current.scores.get(name) if current else None,
                weight=_weight(own, name),
                current_weight=_weight(current, name),
                best=own is not None and name in {own.best(g) for g in GROUPS},
                seconds=None if source and source.carried_from else seconds.get(name),
                rows=source.rows if source else None,
                as_of=source.as_of if source else None,
                carried_from=source.carried_from if source else None,
                artifact=_text(artifact.get("path")) if isinstance(artifact, dict) else None,
                kept=_kept(source, entry),
                return_code=code if isinstance(code, int) else None,
            )
        )
    return sorted(rows, key=lambda row: (row.group != GROUPS[0], row.place, row.name))


def _models_of_summary(book: Book, run_id: str, number: int | None) -> list[RunModel]:
    """Return what is left of a run whose files were removed."""
    own = [one for one in book.summaries if one.run_id == run_id and number in {None, one.number}]
    if not own:
        return []
    summary, current = own[-1], None if book.current is None else book.current.contents
    trained = [
        RunModel(
            name=name,
            group=one.group,
            place=book.places[name],
            state="carried" if one.carried_from else "trained",
            reason=one.fallback_reason,
            score=one.score,
            current_score=current.scores.get(name) if current else None,
            weight=one.weight,
            current_weight=_weight(current, name),
            best=name in summary.best.values(),
            seconds=one.seconds,
            rows=one.rows,
            as_of=one.as_of,
            carried_from=one.carried_from,
            artifact=None,
            kept=[],
            return_code=None,
        )
        for name, one in ((name, ModelSummary(*values)) for name, values in summary.models.items())
    ]
    return sorted(trained, key=lambda row: (row.group != GROUPS[0], row.place))


def _state(
    entry: Mapping[str, Any], source: ErrorSource | None, intended: bool | None
) -> tuple[Any, str | None]:
    reason = _text(entry.get("reason"))
    if source is not None and source.carried_from:
        return "carried", source.fallback_reason
    if intended is not None:
        return ("left out" if intended else "failed"), reason
    return _STATES.get(str(entry.get("status")), "trained" if source else "left out"), reason


def _kept(source: ErrorSource | None, entry: Mapping[str, Any]) -> list[str]:
    if source is not None and source.artifacts:
        return [file.path for file in source.artifacts]
    try:
        return [file.path for file in trained_files(entry.get("artifacts"))]
    except (ValueError, TypeError):  # another version wrote it
        return []


def _weight(policy: Any, name: str) -> float | None:
    if policy is None:
        return None
    return next((policy.weights(group)[name] for group in GROUPS if name in policy.weights(group)), None)


def _ways(evaluation: Evaluation) -> list[Way]:
    models = [
        Way(name=name, kind="model", mae=mae, holdout=None, gain=None) for name, mae in evaluation.mae.items()
    ]
    ensembles = [
        Way(
            name=name,
            kind="ensemble",
            mae=getattr(evaluation, name),
            holdout=getattr(evaluation.holdout, name, None),
            gain=evaluation.gain_over_best_single.get(name),
        )
        for name in _WAYS
    ]
    return sorted(models + ensembles, key=lambda way: way.mae)


def _shown(model: type[_Part], stored: StoredPolicy | None, field: str, notes: list[str]) -> _Part | None:
    problems: list[str] = []
    part = known_part(model, None if stored is None else stored.raw.get(field), field, problems)
    words = f"The field {field} of this policy, which another version wrote, is not shown"
    notes += [f"{words}: {problem}" for problem in problems]
    return part


def _as_of(stored: StoredPolicy | None, manifest: Mapping[str, Any]) -> str | None:
    return _text(manifest.get("as_of")) if stored is None else utc_text(stored.record.moment)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def router_state(folder: DagFolder[StorePath], current: StoredPolicy | None) -> tuple[bytes, str]:
    """Return the state of a router that the current policy of a Dag names, and its SHA-256.

    Raises
    ------
    InputError
        If there is none, or it is not the one that the policy names.
    """
    found = None if current is None else state_file(folder, current)
    if found is None:
        expected = "a current policy that names a state"
        raise InputError(Problem(str(folder.current), "$.routing.state", "none", expected))
    data = read_file(found.place)
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != found.file.sha256:
        raise InputError(
            Problem(str(found.place), "", "another content", "that with the SHA-256 in its name")
        )
    return data, sha256


def manifest_of_run(book: Book, run_id: str) -> dict[str, Any]:
    """Return the manifest of a run as it lies in the store, secrets masked.

    Raises
    ------
    InputError
        If there is none.
    """
    return read_object(RunFolder(book.folder.run(run_id)).manifest)
