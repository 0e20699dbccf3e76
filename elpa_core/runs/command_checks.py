"""Check the exact commands of a config without running them: what bash and Linux would say.

For `elpa validate` only: it starts a process per command, and looks for files. What only a run
knows, such as ``{as_of}`` and ``{run_dir}``, is a sample.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from elpa_core.commands.masking import mask_text, secret_values
from elpa_core.commands.placeholders import render_command
from elpa_core.commands.relative_paths import relative_paths, starts_a_word
from elpa_core.commands.unquoted import unquoted_values
from elpa_core.config.placeholder_values import placeholder_values, variable_of, written_texts, written_values
from elpa_core.config.training import LoadedConfig, Model
from elpa_core.config.typed_values import DATA_SETS
from elpa_core.config.warnings import places_of_values
from elpa_core.errors import Caution, InputError, Problem, quoted
from elpa_core.processes.bash_syntax import has_bash, syntax_complaint
from elpa_core.runs.plan import PlannedModel, plan_model
from elpa_core.times import RunMoment

LONGEST_ARGUMENT = 128 * 1024 - 1
"""Bytes of one argument or variable that Linux takes, without the NUL at its end (MAX_ARG_STRLEN)."""
_POINTER = 8
_MOMENT = RunMoment(
    as_of="2026-01-31T00:00:00+00:00",
    data_interval_start="2026-01-30T00:00:00+00:00",
    data_interval_end="2026-01-31T00:00:00+00:00",
    run_id="scheduled__2026-01-31T00:00:00+00:00",
    run_type="scheduled",
)
_RUN_DIR = Path("/elpa/runs/sample")
_CHANGES_READING = re.compile(r"\b(?:shopt|alias)\b")
_FILE_NAME = re.compile(r"(?![/~$-])(?!\w+:)[^\n]*(?:/|\.[A-Za-z]\w*$)[^\n]*")
_START = "write an absolute path, or one that starts with {config_dir}/"


def check_commands(loaded: LoadedConfig) -> tuple[list[Problem], list[Caution]]:
    """Return what is wrong with the commands of a config, and what its author should know.

    Parameters
    ----------
    loaded : LoadedConfig
        A config without other problems.
    """
    problems: list[Problem] = []
    cautions = list(_relative_values(loaded))
    if not has_bash():
        cautions.append(Caution(loaded.source, "", "no bash is installed here: its syntax is not checked"))
    for index, model in enumerate(loaded.config.models):
        place = f"$.models[{index}].train_cmd"
        cautions += _relative_words(model, loaded, place)
        try:
            planned = plan_model(loaded, model, _RUN_DIR, _MOMENT)
        except InputError as error:
            problems += _syntax(model, _with_plain_values(model, loaded), loaded, place)[0] or error.problems
            continue
        problems += _too_long(planned, loaded, index)
        said = _syntax(model, planned.command, loaded, place)
        problems, cautions = problems + said[0], cautions + said[1]
    return problems, cautions


def _with_plain_values(model: Model, loaded: LoadedConfig) -> str:
    """Return a command in which ELPA's values need no quotes, since it cannot say where they stand."""
    values = placeholder_values(
        written_values(loaded.config),
        run_dir=_RUN_DIR,
        model_dir=_RUN_DIR,
        model_name=model.name,
        config_dir=_RUN_DIR,
        moment=_MOMENT,
    )
    return render_command(model.train_cmd, {**values.data, "python": "python", **values.written}, {})


def _syntax(
    model: Model, command: str, loaded: LoadedConfig, place: str
) -> tuple[list[Problem], list[Caution]]:
    complaint = syntax_complaint(command) if has_bash() else None
    if complaint is None:
        return [], []
    config = loaded.config
    words = mask_text(complaint.words, secret_values(model.env, config.extras, config.context))
    said = f"line {complaint.line}: {words}"
    if not complaint.is_error or _CHANGES_READING.search(command):
        return [], [Caution(loaded.source, place, f"bash says, without running it, of {said}")]
    places = places_of_values(config)
    hints = [
        f"look at the value of {{{name}}} ({places[name]}): it stands {where}"
        for name, where in unquoted_values(model.train_cmd, written_texts(config))
    ]
    if "\r" in command:
        hints.append("the command has carriage returns")
    place = f"{place} (model {quoted(model.name)})"
    found = f"what bash cannot read, {said}"
    return [Problem(loaded.source, place, found, "a command of bash", "; ".join(hints))], []


def _too_long(planned: PlannedModel, loaded: LoadedConfig, index: int) -> Iterator[Problem]:
    source, block = loaded.source, f"$.models[{index}]"
    model = f"(model {quoted(planned.model.name)})"
    most = f"at most {LONGEST_ARGUMENT} bytes, since Linux takes no more"
    size = len(os.fsencode(planned.command))
    if size > LONGEST_ARGUMENT:
        hint = "put the text into a file"
        yield Problem(source, f"{block}.train_cmd {model}", f"a command of {size} bytes", most, hint)
    places = {variable_of(name): place for name, place in places_of_values(loaded.config).items()}
    places |= dict.fromkeys(planned.model.env, f"{block}.env")
    for name, value in planned.environment.items():
        if (length := len(os.fsencode(f"{name}={value}"))) > LONGEST_ARGUMENT:
            found = f"{length} bytes for the variable {name} of the command {model}"
            yield Problem(source, places.get(name, block), found, most, "put the text into a file")
    total, limit = _memory_of(planned), os.sysconf("SC_ARG_MAX")
    if total > limit:
        found = f"a command and an environment of {total} bytes, with the variables set here"
        hint = "put long values into files"
        yield Problem(source, f"{block} {model}", found, f"at most {limit} bytes together", hint)


def _memory_of(planned: PlannedModel) -> int:
    """Return the bytes that count against ARG_MAX: the texts, each with a NUL and a pointer."""
    environment: Mapping[str, str] = {**os.environ, **planned.environment}
    texts = ["bash", "-c", "--", planned.command, *(f"{name}={value}" for name, value in environment.items())]
    return sum(len(os.fsencode(text)) + 1 + _POINTER for text in texts)


def _relative_values(loaded: LoadedConfig) -> Iterator[Caution]:
    places = places_of_values(loaded.config)
    for name, value in written_values(loaded.config).items():
        if not isinstance(value, str) or name == "train_dataset" or not _FILE_NAME.fullmatch(value):
            continue
        names = ("dataset", "train_dataset") if name == "dataset" else (name,)
        begins = any(starts_a_word(model.train_cmd, used) for model in loaded.config.models for used in names)
        if begins and (name in DATA_SETS or _is_there(value, loaded)):
            yield Caution(loaded.source, places[name], _starts(value), _in_command(name))


def _in_command(name: str) -> str:
    return f"write an absolute path, or {{config_dir}}/{{{name}}} in the command"


def _relative_words(model: Model, loaded: LoadedConfig, place: str) -> Iterator[Caution]:
    for path, is_program in relative_paths(model.train_cmd):
        if is_program or _is_there(path, loaded):
            yield Caution(loaded.source, place, _starts(path), _START)


def _starts(path: str) -> str:
    return f"{quoted(path)} is a relative path: it starts in the folder of the model, which is empty at first"


def _is_there(path: str, loaded: LoadedConfig) -> bool:
    with suppress(OSError):  # a value that is longer than any path
        return any((folder / path).exists() for folder in (loaded.path.parent, Path.cwd()))
    return False
