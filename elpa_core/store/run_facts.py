"""What the records of each run say that pruning needs. Only records that have changed are read again.

What they said last stands in ``pruning.json``, with a digest of the versions of the records that said it.
It is derived from them: lost, damaged or late, it only makes the next pruning read more.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.files import ObjectPath, StorePath, objects
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.strict_json import parse_object
from elpa_core.runs.folder import MANIFEST_NAME, STATUS_NAME, RunFolder, is_in_models, is_record
from elpa_core.store.errors import READABLE_STORE
from elpa_core.store.layout import DagFolder, folder_of_run
from elpa_core.store.reading import is_policy_file
from elpa_core.store.stored_policy import read_recorded, recorded_in
from elpa_core.times import parse_moment

Parts = tuple[str, ...]
"""A path below a run's folder."""
_RUNS_AT_ONCE = 200


class Version(NamedTuple):
    """What changes with a record, and when it last did, in seconds since 1970."""

    text: str
    changed: float


@dataclass(frozen=True)
class RunRecords:
    """The records of a run.

    Parameters
    ----------
    path : path
        The run's folder.
    versions : mapping of Parts to Version
        The records.
    changed, models_changed : float
        When the run's folder, and that of its models, last changed, as near as can be known.
    """

    path: StorePath
    versions: Mapping[Parts, Version]
    changed: float
    models_changed: float

    @property
    def digest(self) -> str:
        """What changes with any record that tells a fact."""
        told = [(*parts, version.text) for parts, version in self.versions.items() if _tells_facts(parts)]
        return hashlib.sha256(json.dumps(sorted(told)).encode()).hexdigest()[:32]

    def place(self, parts: Parts) -> StorePath:
        """Return the place of a record."""
        place = self.path
        for part in parts:
            place = place / part
        return place

    def below(self, folder: str) -> list[Parts]:
        """Return the records below a folder of the run, sorted."""
        return sorted(parts for parts in self.versions if parts[0] == folder)

    def when(self, parts: Parts) -> float:
        """Return when a record last changed; 0 if there is none."""
        return self.versions[parts].changed if parts in self.versions else 0.0


class RunFacts(BaseModel):
    """What the records of a run say.

    Parameters
    ----------
    run_id : str
        The run, as far as they tell.
    as_of : str or None
        The moment up to which it used data; None if nothing tells.
    origins : dict of str to str
        The folders of runs whose trained models it uses, and what of it does.
    running : str
        The record of a model that is trained at the moment, or nothing.
    trained : dict of str to str
        As of when it trained models that ended well.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    run_id: str
    as_of: str | None
    origins: dict[str, str]
    running: str
    trained: dict[str, str]


class _Known(RunFacts):
    digest: str


_FILE = TypeAdapter(dict[str, _Known])


def records_of_runs(folder: DagFolder[StorePath]) -> dict[str, RunRecords]:
    """Return the records of all runs, by the names of their folders.

    Raises
    ------
    InputError
        If the store cannot be read.
    """
    with as_input_error(folder.runs, READABLE_STORE):
        runs = folder.runs
        if isinstance(runs, Path):
            return {name: _local_records(runs / name) for name in folder.run_folders()}
        return _remote_records(runs)


def _local_records(path: Path) -> RunRecords:
    # No glob, which takes nearly twice as long: a pruning looks at all runs that are kept.
    run = RunFolder(path)
    below = (
        run.manifest,
        *_inside(run.policies),
        *(one for one in _inside(run.generations) if one.suffix == ".json"),
        *(one / STATUS_NAME for one in _inside(run.models)),
    )
    found = {one.parts[len(path.parts) :]: one for one in below}
    versions = {
        parts: version
        for parts, one in found.items()
        if is_record(parts) and (version := _local_version(one)) is not None
    }
    models = _local_version(run.models)
    return RunRecords(path, versions, path.stat().st_mtime, models.changed if models else 0.0)


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _local_version(path: Path) -> Version | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # a link that leads to itself
        found = path.lstat()
    return Version(f"{found.st_ctime_ns}-{found.st_size}-{found.st_ino}", found.st_mtime)


def _remote_records(runs: ObjectPath) -> dict[str, RunRecords]:
    versions: dict[str, dict[Parts, Version]] = {}
    changed: dict[str, float] = {}
    models: dict[str, float] = {}
    for found in objects.listing(runs):
        name, *below = found.parts
        if not below or name.startswith("."):
            continue  # no folder of a run
        parts, when = tuple(below), found.modified.timestamp()
        # Of a folder, the time at which something last came into it is as near as can be known.
        changed[name] = max(changed.get(name, 0.0), when)
        if is_in_models(parts):
            models[name] = max(models.get(name, 0.0), when)
        some = versions.setdefault(name, {})
        if is_record(parts):
            some[parts] = Version(f"{found.version}-{when}", when)
    return {
        name: RunRecords(runs / name, versions[name], changed[name], models.get(name, 0.0))
        for name in sorted(versions)
    }


class KnownRuns:
    """The records of all runs, and what they say.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    """

    def __init__(self, folder: DagFolder[StorePath]) -> None:
        self._folder = folder
        self._path = folder.path / "pruning.json"
        self.records: Mapping[str, RunRecords] = {}
        self._problems: dict[str, InputError] = {}
        self._before: dict[str, _Known] = {}
        with suppress(ValidationError, OSError):
            self._before = _FILE.validate_json(files.read(self._path))
        self._facts = dict(self._before)

    def update(self) -> None:
        """Look at what is there now.

        Raises
        ------
        InputError
            If the store cannot be read.
        """
        self.records = records_of_runs(self._folder)
        digests = {name: one.digest for name, one in self.records.items()}
        self._problems = {}
        self._facts = {
            name: known for name, known in self._facts.items() if known.digest == digests.get(name)
        }
        new = [name for name in self.records if name not in self._facts]
        for first in range(0, len(new), _RUNS_AT_ONCE):
            some = new[first : first + _RUNS_AT_ONCE]
            self._read({name: self.records[name] for name in some}, digests)

    def __getitem__(self, name: str) -> RunFacts:
        """Return the facts of a run."""
        return self._facts[name]

    def origins(self, name: str) -> Mapping[str, str]:
        """Return from which runs a run takes trained models.

        Raises
        ------
        InputError
            If a policy of the run cannot be read.
        """
        if name in self._problems:
            raise self._problems[name]
        return self._facts[name].origins

    def keep(self, names: Iterable[str]) -> None:
        """Write down the facts of some runs, for the next pruning."""
        kept = {name: self._facts[name] for name in names if self._facts[name].digest}
        if kept != self._before:
            data = _FILE.dump_json(kept)
            with suppress(OSError):  # the next pruning reads more
                if isinstance(self._path, Path):
                    self._path.write_bytes(data)  # a torn or lost one is no loss: nothing waits for the disk
                else:
                    files.write(self._path, data)

    def _read(self, records: Mapping[str, RunRecords], digests: Mapping[str, str]) -> None:
        wanted = {
            str(place): (name, parts)
            for name, one in records.items()
            for parts in one.versions
            if _tells_facts(parts)
            for place in [one.place(parts)]
        }
        contents: dict[str, dict[Parts, bytes]] = {name: {} for name in records}
        places = [records[name].place(parts) for name, parts in wanted.values()]
        with as_input_error(self._path.parent, READABLE_STORE):
            for place, data in files.read_all(places):
                name, parts = wanted[str(place)]
                contents[name][parts] = data
        for name, one in records.items():
            facts = self._facts_of(name, one, contents[name])
            # What could not be read may be readable the next time.
            digest = "" if name in self._problems else digests[name]
            self._facts[name] = _Known(digest=digest, **facts.model_dump())

    def _facts_of(self, name: str, records: RunRecords, contents: Mapping[Parts, bytes]) -> RunFacts:
        run_id, as_of, running = unquote(name), None, ""
        origins: dict[str, str] = {}
        trained: dict[str, str] = {}
        with suppress(InputError, KeyError):
            manifest = parse_object(contents[(MANIFEST_NAME,)], "")
            if not _policies(records):
                run_id, as_of = str(manifest.get("run_id") or run_id), str(manifest.get("as_of"))
        for parts in records.below("models"):
            try:
                status = parse_object(contents[parts], "")
            except (InputError, KeyError):
                running = running or "/".join(parts)
                continue
            own = [status.get("carried_from")]
            if status.get("status") == "running":
                running = running or "/".join(parts)
                own.append(status.get("warm_started_from"))
            elif status.get("status") == "ok" and isinstance(status.get("as_of"), str):
                trained[parts[1]] = status["as_of"]
            origins |= {folder_of_run(one): "a task" for one in own if isinstance(one, str) and one}
        for parts in _policies(records):
            run_id, as_of = unquote(name), None
            try:
                place = records.place(parts)
                stored = recorded_in(contents[parts], place) if parts in contents else read_recorded(place)
            except InputError as error:
                self._problems.setdefault(name, error)
                continue
            run_id, as_of = stored.record.run_id, stored.record.as_of
            sources = [one.carried_from for one in stored.contents.errors.values()]
            origins |= {folder_of_run(one): "the policy" for one in sources if one}
        as_of = as_of if _is_moment(as_of) else None
        return RunFacts(run_id=run_id, as_of=as_of, origins=origins, running=running, trained=trained)


def _tells_facts(parts: Parts) -> bool:
    return parts[0] in {MANIFEST_NAME, "policies", "models"}


def _policies(records: RunRecords) -> list[Parts]:
    found = [parts for parts in records.below("policies") if is_policy_file(parts[1])]
    return sorted(found, key=lambda parts: int(parts[1].removesuffix(".json")))


def _is_moment(text: str | None) -> bool:
    try:
        return text is not None and isinstance(parse_moment(text), dt.datetime)
    except (ValueError, OverflowError):
        return False
