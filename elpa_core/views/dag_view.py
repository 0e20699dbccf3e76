"""What a Dag's policies did over time: one line, charts with a league table, all policies page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from elpa_core.schema.groups import GROUPS
from elpa_core.store.history import Entry
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.store.summaries import ModelSummary, Summary, summary_of
from elpa_core.times import parse_moment, utc_text
from elpa_core.views.book import LAST, Book, Glance, newest_with
from elpa_core.views.shapes import (
    CurrentPolicy,
    DagView,
    Decided,
    LeagueRow,
    Overview,
    Point,
    PolicyRow,
    Series,
    State,
    StripRun,
    Tick,
)
from elpa_core.views.thinning import thinned

_MARKS = {"held", "promoted", "rolled_back", "lifted"}


def decided(entry: Entry) -> Decided:
    """Return a decision as views show it."""
    return Decided.model_validate(entry.to_json())


class FailedRun(NamedTuple):
    """A run that failed, and the moment up to which it could use data."""

    run_id: str
    as_of: str


def overview(glance: Glance, due: dt.datetime | None = None, failed: Iterable[FailedRun] = ()) -> Overview:
    """Return a Dag in one line.

    Parameters
    ----------
    glance : Glance
        Its last policies.
    due : datetime, optional
        The schedule promises a policy that is not older than this.
    failed : iterable of FailedRun
        Runs that failed last; of those without a policy the strip tells.
    """
    state, reason = state_of(glance, due)
    last = glance.summaries[-LAST:]
    return Overview(
        dag_id=glance.folder.dag_id,
        state=state,
        state_reason=reason,
        current=current_policy(glance),
        strip=_strip(glance, last, failed),
        spark={group: [_best_score(one, group) for one in last] for group in GROUPS},
        models=sorted({name for one in last for name in one.models}),
    )


def _strip(glance: Glance, last: Sequence[Summary], failed: Iterable[FailedRun]) -> list[StripRun]:
    made = {one.run_id for one in glance.summaries}
    runs = [
        (
            one.moment,
            StripRun(run_id=one.run_id, as_of=one.as_of, action=_action(glance, one), degraded=one.degraded),
        )
        for one in last
    ]
    runs += [
        (
            parse_moment(one.as_of),
            StripRun(run_id=one.run_id, as_of=one.as_of, action="failed", degraded=False),
        )
        for one in failed
        if one.run_id not in made
    ]
    return [run for _, run in sorted(runs, key=lambda pair: pair[0])][-LAST:]


def dag_view(
    book: Book,
    *,
    width: int = 600,
    kind: str = "",
    since: str = "",
    until: str = "",
    run_id: str = "",
    due: dt.datetime | None = None,
) -> DagView:
    """Return what a Dag's policies did over time.

    Parameters
    ----------
    book : Book
        Its policies.
    width : int
        About how many points the charts have room for.
    kind : str
        Only policies of runs of this kind, such as ``scheduled``.
    since, until : str
        Only policies as of these moments and between, ISO 8601.
    run_id : str
        A run whose policies stay in the charts, however narrow they are.
    due : datetime, optional
        The schedule promises a policy that is not older than this.
    """
    state, reason = state_of(book, due)
    chosen = _chosen(book, kind, since, until)
    shown = [book.summaries[index] for index in chosen]
    keys = {one.key for one in shown}
    marks = [entry for entry in book.entries if _is_mark(entry) and entry.key in keys]
    marked = {entry.key for entry in marks}
    stay = [i for i, one in enumerate(shown) if one.key in marked or one.run_id == run_id]
    curves = [*book.curves.values()]
    if len(chosen) < len(book.summaries):
        curves = [[curve[index] for index in chosen] for curve in curves]
    kept = [shown[index] for index in thinned(curves, width, stay)]
    published = [one for one in shown if _action(book, one) == "published"]
    return DagView(
        dag_id=book.folder.dag_id,
        store=str(book.folder.root),
        state=state,
        state_reason=reason,
        current=current_policy(book),
        kinds=sorted({kind_of(one.run_id) for one in book.summaries}),
        points=[
            Point(
                run_id=one.run_id,
                number=one.number,
                as_of=one.as_of,
                action=_action(book, one),
                kind=kind_of(one.run_id),
            )
            for one in kept
        ],
        total=len(shown),
        series=_series(book, kept),
        marks=[decided(entry) for entry in marks],
        published=[
            Tick(run_id=one.run_id, as_of=one.as_of) for one in published[:: -(-len(published) // width) or 1]
        ],
        league=_league(book, shown),
        can_roll_back=len(book.ledger.way_back) > 1,
        can_lift=book.ruled() is not None,
    )


def policy_rows(
    book: Book, first: int, count: int, kind: str = "", since: str = "", until: str = ""
) -> tuple[int, list[PolicyRow]]:
    """Return how many policies a filter leaves, and some of them, newest first; see `dag_view`."""
    shown = filtered(book, kind, since, until)[::-1]
    return len(shown), [_row(book, one) for one in shown[first : first + count]]


def filtered(book: Book, kind: str = "", since: str = "", until: str = "") -> list[Summary]:
    """Return the policies of runs of a kind and of a time.

    Raises
    ------
    ValueError
        If ``since`` or ``until`` is no moment.
    """
    return [book.summaries[index] for index in _chosen(book, kind, since, until)]


def _chosen(book: Book, kind: str, since: str, until: str) -> Sequence[int]:
    """Return which policies a filter leaves."""
    if not (kind or since or until):
        return range(len(book.summaries))
    begin = parse_moment(since) if since else None
    end = parse_moment(until) if until else None
    return [
        index
        for index, one in enumerate(book.summaries)
        if (not kind or kind_of(one.run_id) == kind)
        and (begin is None or one.moment >= begin)
        and (end is None or one.moment <= end)
    ]


def kind_of(run_id: str) -> str:
    """Return what began a run, as its id says.

    >>> kind_of("scheduled__2026-01-31T06:00:00+00:00"), kind_of("mine")
    ('scheduled', 'other')
    """
    kind, found, _ = run_id.partition("__")
    return kind if found and kind.isidentifier() else "other"


def current_policy(book: Glance) -> CurrentPolicy | None:
    """Return the policy that serving reads, as views show it."""
    stored = book.current
    if stored is None or stored.publication is None:
        return None
    told = stored.publication
    contents = stored.contents
    return CurrentPolicy(
        number=told.number,
        run_id=told.run_id,
        policy_number=told.policy_number,
        as_of=told.as_of,
        when=told.when,
        action=told.action,
        actor=told.actor,
        reason=told.reason,
        degraded=contents.degraded,
        best={group: contents.best(group) for group in GROUPS},
        best_scores={group: contents.best_score(group) for group in GROUPS},
        gain=summary_of(stored, {}).router,
    )


def state_of(book: Glance, due: dt.datetime | None = None) -> tuple[State, str]:
    """Return the state of a Dag, and why."""
    current = book.current
    if book.problem:
        return "unreadable", f"what serving reads cannot be read here: {book.problem}"
    if current is None:
        if book.summaries:
            entry = book.decisions.get(book.summaries[-1].key)
            return "none", f"nothing is published: {entry.reason}" if entry else "nothing is published"
        return "none", "no run has made a policy yet: trigger the Dag"
    newest = max(book.summaries, key=lambda one: one.when, default=None)
    entry = None if newest is None else book.decisions.get(newest.key)
    if entry is not None and entry.key != current.record.key:
        if entry.action == "held":
            return "held", f"the newest policy was held back: {entry.reason}"
        if entry.action == "recorded" and "experiment" in entry.reason:
            return "experiment", f"the newest policy was only recorded: {entry.reason}"
    if due is not None and current.record.moment < due:
        return "late", f"as of {current.record.as_of}; the schedule promises {utc_text(due)} or later"
    if current.contents.degraded:
        return "degraded", _why_degraded(current)
    return "fine", ""


def _why_degraded(stored: StoredPolicy) -> str:
    failed = [f"{one.name} failed" for one in stored.contents.missing if not one.intended]
    old = [
        f"{name} is older than intended" for name, s in stored.contents.errors.items() if s.fallback_reason
    ]
    return ", ".join(failed + old) or "the policy says so"


def _is_mark(entry: Entry) -> bool:
    return entry.action in _MARKS or (entry.action == "recorded" and "experiment" in entry.reason)


def _series(book: Book, kept: Sequence[Summary]) -> list[Series]:
    pairs = {(name, values[0]) for one in kept for name, values in one.models.items()}
    series = []
    for name, group in sorted(pairs, key=lambda pair: (pair[1] != GROUPS[0], book.places[pair[0]])):
        found = [one.models.get(name) for one in kept]
        own = [None if values is None or values[0] != group else values for values in found]
        series.append(
            Series(
                name=name,
                group=group,
                place=book.places[name],
                score=[None if values is None else values[1] for values in own],
                weight=[None if values is None else values[2] for values in own],
            )
        )
    return series


def _action(book: Glance, one: Summary) -> str | None:
    entry = book.decisions.get(one.key)
    return None if entry is None else entry.action


def _best_score(one: Summary, group: str) -> float | None:
    model = one.model(one.best.get(group, ""))
    return None if model is None else model.score


def _league(book: Book, shown: Sequence[Summary]) -> list[LeagueRow]:
    back = book.ledger.way_back
    now = book.by_key.get(back[-1].key) if back else (shown[-1] if shown else None)
    before = next((book.by_key[e.key] for e in reversed(back[:-1]) if e.key in book.by_key), None)
    newest = newest_with(shown)
    failures: dict[str, int] = {}
    groups = dict(book.groups)
    for one in shown:
        for lost in one.missing:
            groups.setdefault(lost.name, lost.group)
            failures[lost.name] = failures.get(lost.name, 0) + (not lost.intended)
    reasons = {} if now is None else {lost.name: lost.reason for lost in now.missing}
    names = [*newest, *(name for name in failures if name not in newest)]
    rows = []
    for name in names:
        own = None if now is None else now.model(name)
        earlier = None if before is None else before.model(name)
        origin = now if own is not None else newest.get(name)
        told = None if origin is None else origin.model(name)
        rows.append(
            LeagueRow(
                name=name,
                group=groups[name],
                place=book.places.get(name, len(book.places)),
                score=own.score if own else None,
                score_before=earlier.score if earlier else None,
                weight=own.weight if own else None,
                weight_before=earlier.weight if earlier else None,
                best=now is not None and name in now.best.values(),
                failures=failures.get(name, 0),
                policies=len(shown),
                seconds=_newest_seconds(shown, name),
                trained_at=(told.trained_at if told else None) or (origin.when if origin else None),
                as_of=(told.as_of if told else None) or (origin.as_of if origin else None),
                carried_from=told.carried_from if told else None,
                reason=reasons.get(name) or (told.fallback_reason if told else None),
            )
        )
    far = float("inf")
    return sorted(rows, key=lambda r: (r.group != GROUPS[0], r.score if r.score is not None else far, r.name))


def _newest_seconds(shown: Sequence[Summary], name: str) -> float | None:
    for one in reversed(shown):
        model = one.model(name)
        if model is not None and model.seconds is not None:
            return model.seconds
    return None


def _row(book: Book, one: Summary) -> PolicyRow:
    models = {name: ModelSummary(*values) for name, values in one.models.items()}
    entry = book.decisions.get(one.key)
    return PolicyRow(
        run_id=one.run_id,
        number=one.number,
        as_of=one.as_of,
        when=one.when,
        action=entry.action if entry else None,
        reason=entry.reason if entry else None,
        kind=kind_of(one.run_id),
        degraded=one.degraded,
        best=one.best,
        scores={name: model.score for name, model in models.items()},
        weights={name: model.weight for name, model in models.items()},
        gain=one.router,
        verdict=one.verdict,
    )
