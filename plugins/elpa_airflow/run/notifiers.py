"""The Airflow notifier that a ``notify`` block names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from airflow.sdk import BaseNotifier

from elpa_core.config.notifications import Notification
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import ConfigError, Problem, nearest, quoted, some
from elpa_core.files.strict_json import member_path


def notifier_problems(loaded: LoadedConfig) -> Iterator[Problem]:
    """Yield what is wrong with the notifiers of a config."""
    for index, block in enumerate(loaded.config.airflow.notify):
        try:
            notifier_of(block, loaded.source, f"$.airflow.notify[{index}]")
        except ConfigError as error:
            yield from error.problems


def notifier_of(block: Notification, source: str, place: str) -> BaseNotifier:
    """Return a new notifier.

    Parameters
    ----------
    block : Notification
        Its class and arguments.
    source, place : str
        The config and the place of the block in it.

    Raises
    ------
    ConfigError
        If the class cannot be imported, is no notifier, or does not take the arguments.
    """
    found = _class_of(block, source, f"{place}.notifier")
    if problems := list(_misfits(found, block, source, place)):
        raise ConfigError(problems)
    try:
        return found(**block.arguments)
    except Exception as error:  # the class may be anybody's
        words = f"{block.notifier}, which raises {_words(error)}"
        raise ConfigError(Problem(source, place, words, "arguments that it accepts")) from error


def _class_of(block: Notification, source: str, place: str) -> type[BaseNotifier]:
    module, _, name = block.notifier.rpartition(".")
    shown = quoted(block.notifier, 200)
    expected = "a class that can be imported wherever Dags are parsed and tasks run"
    try:
        loaded = importlib.import_module(module)
    except Exception as error:  # the module may be anybody's
        raise ConfigError(Problem(source, place, f"{shown} ({_words(error)})", expected)) from error
    found = getattr(loaded, name, None)
    if found is None:
        hint = nearest(name, vars(loaded))
        raise ConfigError(Problem(source, place, f"{shown}: {module} has no {name}", expected, hint))
    if not (isinstance(found, type) and issubclass(found, BaseNotifier)):
        raise ConfigError(Problem(source, place, shown, "a subclass of airflow.sdk.BaseNotifier"))
    if found.notify is BaseNotifier.notify:
        raise ConfigError(Problem(source, place, f"{shown}, without notify", "a notifier with that method"))
    return found


def _misfits(found: type, block: Notification, source: str, place: str) -> Iterator[Problem]:
    parameters = inspect.signature(found).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = {one.name: one for one in parameters if one.kind in kinds}
    if all(one.kind != inspect.Parameter.VAR_KEYWORD for one in parameters):
        for name in block.arguments:
            if name not in names:
                expected = f"one of on, notifier, {some(list(names))}"
                hint = nearest(name, names)
                yield Problem(source, member_path(place, name), "an unknown argument", expected, hint)
    for name, one in names.items():
        if one.default is inspect.Parameter.empty and name not in block.arguments:
            expected = f"a value: {block.notifier} requires it"
            yield Problem(source, member_path(place, name), "nothing", expected)


def _words(error: Any) -> str:
    return f"{type(error).__name__}: {error}"
