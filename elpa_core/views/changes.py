"""What a decision by hand would change, before it is made."""

from __future__ import annotations

from typing import Literal

from elpa_core.errors import InputError, Problem
from elpa_core.store import PolicyStore
from elpa_core.store.change import token_of
from elpa_core.store.comparison import moves
from elpa_core.store.reading import recorded_policy
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.views.book import Book
from elpa_core.views.shapes import Change

Action = Literal["promote", "rollback", "lift"]


def change(book: Book, action: Action, run_id: str = "", number: int | None = None) -> Change:
    """Return what a decision would change.

    Parameters
    ----------
    book : Book
        The policies of the Dag.
    action : str
        ``promote`` a policy of a run, ``rollback`` to the publication before, or ``lift`` what one ruled.
    run_id, number
        Of a promotion: the policy; the latest of the run if no number is given.

    Raises
    ------
    InputError
        If the decision would be refused.
    """
    target, restores = _target(book, action, run_id, number)
    current = book.current
    moved = [] if target is None or current is None else moves(current.contents, target.contents)
    return Change(
        action=action,
        words=_words(book, action, target),
        from_run=None if current is None else current.record.run_id,
        to_run=None if target is None else target.record.run_id,
        to_number=None if target is None else target.record.number,
        moves=[move.words for move in moved],
        token=token_of(book.ledger, restores),
    )


def side_by_side(book: Book, old: tuple[str, int | None], new: tuple[str, int | None]) -> list[str]:
    """Return what moved from one policy of the Dag to another, in words.

    Raises
    ------
    InputError
        If one of them cannot be read.
    """
    first, second = (recorded_policy(book.folder, *key) for key in (old, new))
    return [move.words for move in moves(first.contents, second.contents)]


def _target(
    book: Book, action: Action, run_id: str, number: int | None
) -> tuple[StoredPolicy | None, int | None]:
    """Return the policy that serving will read, and of a rollback the publication that it goes back to."""
    folder, history = book.folder, str(book.folder.history)
    if action == "promote":
        return recorded_policy(folder, run_id, number), None
    if action == "rollback":
        back = book.ledger.before_current(PolicyStore(folder.root, folder.dag_id).is_there)
        if back is None:
            found = "no publication before the current one whose policy is still there"
            raise InputError(Problem(history, "", found, "one to go back to", "promote a recorded policy"))
        return recorded_policy(folder, *back.key), back.number
    if book.ruled() is None:
        raise InputError(Problem(history, "", "nothing that is ruled out", "something to lift"))
    return None, None


def _words(book: Book, action: Action, target: StoredPolicy | None) -> str:
    if target is None:
        ruled = book.ruled()
        moment = "" if ruled is None else ruled.as_of
        return f"Runs as of {moment} or earlier are published by themselves again. What is current stays."
    which = f"the policy of run {target.record.run_id}, as of {target.record.as_of}"
    if book.current is None:
        now = "What it reads now cannot be read here." if book.problem else "It reads none now."
        return f"Serving will read {which}. {now}"
    older = target.record.moment <= book.current.record.moment
    ruling = " After that, only runs with a later as_of than the policy replaced are published by themselves."
    back = action == "rollback" or older
    now = f"the policy of run {book.current.record.run_id}, as of {book.current.record.as_of}"
    return f"Serving will read {which}, instead of {now}.{ruling if back else ''}"
