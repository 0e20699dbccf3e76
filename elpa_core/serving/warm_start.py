"""Start a router with what it learned from the validation rows when its policy was made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from elpa_core import files
from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files import StorePath
from elpa_core.files.location import is_uri, open_location
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.strict_json import parse_object
from elpa_core.routing.router import Router
from elpa_core.routing.routing_policy import RoutingPolicy

_SAME = ("online", "offline", "dirty_interval", "amplitude_window", "mutant_epsilon")


def start_router(
    policy: Mapping[str, Any],
    folder: Path | None = None,
    *,
    state: Path | None = None,
    horizon: int | None = None,
    levels: Collection[float] = (),
    warn: Callable[[str], object] = lambda _: None,
) -> Router:
    """Return a router for a policy: warm, if the policy names a state (``routing.state``), else cold.

    Parameters
    ----------
    policy : mapping
        The policy's JSON object.
    folder : Path, optional
        The folder of the policy's file; a relative path of the state starts there.
    state : Path, optional
        A copy of the state, if it is not where the policy says; see `elpa_core.store.model_files.state_file`.
    horizon : int, optional
        Number of steps that are forecast together. A state of another horizon is not used.
    levels : collection of float
        Levels of the prediction intervals that will be asked for. Without them the router does not keep
        what intervals need.
    warn : callable, optional
        Takes the reason in words if the state that the policy names cannot be used.

    Raises
    ------
    InputError
        If the policy is not valid.
    """
    wanted = RoutingPolicy.of(policy, horizon)
    named = (policy.get("routing") or {}).get("state")
    if named is None:
        return Router(policy, horizon=horizon)
    try:
        with as_input_error(str(named.get("file")), "the router's state that the policy names"):
            return _read_state(named, state or _place(named, folder), wanted, intervals=bool(levels))
    except InputError as error:
        warn(f"the router starts without what it learned on validation: {error}")
        return Router(policy, horizon=horizon)


def _place(named: Mapping[str, Any], folder: Path | None) -> StorePath:
    file = str(named.get("file"))
    return open_location(file) if is_uri(file) else (folder or Path()) / file


def _read_state(
    named: Mapping[str, Any], place: StorePath, wanted: RoutingPolicy, *, intervals: bool
) -> Router:
    data = files.read(place)
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != named.get("sha256"):
        raise InputError(Problem(str(place), "", f"content with SHA-256 {sha256}", "that of the policy"))
    content = parse_object(data, str(place))
    if not intervals:
        content.pop("intervals", None)
    router = Router.from_json(content, str(place))
    if fields := differing_fields(router.policy, wanted, horizon=True):
        found, expected = getattr(router.policy, fields[0]), getattr(wanted, fields[0])
        raise InputError(Problem(str(place), f"$.policy.{fields[0]}", quoted(found), quoted(expected)))
    return router


def differing_fields(had: RoutingPolicy, wanted: RoutingPolicy, *, horizon: bool) -> list[str]:
    """Return the fields in which a state's policy differs from the one that is to be served."""
    fields = (*_SAME, "horizon") if horizon else _SAME
    return [field for field in fields if getattr(had, field) != getattr(wanted, field)]
