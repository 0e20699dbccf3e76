"""Make Dags from a folder of configs: one Dag per training config, one import error per refused config."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from elpa_airflow.dag.builder import build_dag
from elpa_airflow.dag.refused_config import RefusedConfigDag
from elpa_core.config.loading import load_if_training
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import ConfigError, InputError, Problem, quoted
from elpa_core.files.location import with_home
from elpa_core.files.neighbours import what_is_there
from elpa_core.files.strict_json import read_file

log = logging.getLogger(__name__)

CONFIG_DIR_VARIABLE = "ELPA_CONFIG_DIR"


def elpa_dags(
    dag_file: str | Path, *, config_dir: str | Path | None = None, store: str | Path | None = None
) -> dict[str, DAG]:
    """Return the Dags of a config folder; a Dag file adds them to its globals.

    Parameters
    ----------
    dag_file : path
        The Dag file: pass ``__file__``.
    config_dir : path, optional
        The folder with the configs, ``*.json``. Default: the environment variable
        ``ELPA_CONFIG_DIR``, or else ``configs`` beside the Dag file.
    store : path or URI, optional
        The policy store of configs that do not name one. Default: Airflow's setting
        ``[elpa] store``, or else ``elpa`` in ``AIRFLOW_HOME``.

    Returns
    -------
    dict of str to DAG
        The Dags by id; in a task process, only the Dag of the task. A refused config is a Dag that
        Airflow turns into an import error under the config's own path.

    Raises
    ------
    ConfigError
        If the folder does not exist.
    """
    paths = config_paths(
        config_dir or os.environ.get(CONFIG_DIR_VARIABLE) or Path(dag_file).parent / "configs"
    )
    place = str(store) if store is not None else None
    wanted = get_parsing_context().dag_id
    if wanted is not None and (found := _find(wanted, paths)) is not None:
        return {wanted: build_dag(found, place)}
    return _all_dags(paths, place)


def config_paths(config_dir: str | Path) -> list[Path]:
    """Return the configs of a folder, sorted.

    Raises
    ------
    ConfigError
        If the folder does not exist.
    """
    folder = with_home(config_dir).absolute()
    if not folder.is_dir():
        hint = f"make it, set {CONFIG_DIR_VARIABLE}, or give elpa_dags a config_dir"
        there = what_is_there(folder)
        expected = "the folder of the configs"
        raise ConfigError(
            Problem(str(folder), "", "no folder", expected, f"{hint}; {there}" if there else hint)
        )
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def _all_dags(paths: list[Path], store: str | None) -> dict[str, DAG]:
    dags: dict[str, DAG] = {}
    claims: dict[str, list[LoadedConfig]] = {}
    for path in paths:
        try:
            if (loaded := load_config(path)) is not None:
                claims.setdefault(loaded.dag_id, []).append(loaded)
        except InputError as error:
            _refuse(dags, path, error)
    for dag_id, claimants in claims.items():
        for loaded in claimants:
            try:
                _check_only_claim(dag_id, loaded, claimants)
                dags[dag_id] = build_dag(loaded, store)
            except InputError as error:
                _refuse(dags, loaded.path, error)
    return dags


def _check_only_claim(dag_id: str, loaded: LoadedConfig, claimants: list[LoadedConfig]) -> None:
    if others := [other.source for other in claimants if other is not loaded]:
        found = f"the Dag id {quoted(dag_id)}, which {' and '.join(others)} has too"
        hint = "set airflow.dag_id in one of them"
        raise ConfigError(Problem(loaded.source, "$.airflow.dag_id", found, "a Dag id of its own", hint))


def _refuse(dags: dict[str, DAG], path: Path, error: InputError) -> None:
    log.error("ELPA refuses a config: %s", error)
    dag = RefusedConfigDag(path, error)
    dags[dag.dag_id] = dag


def load_config(path: Path) -> LoadedConfig | None:
    """Return the training config at ``path``, or None for an integration config."""
    loaded = load_if_training(path)
    if loaded is None:
        log.warning("%s is an integration config, for elpa integrate: no Dag is made of it", path)
    return loaded


def _find(dag_id: str, paths: list[Path]) -> LoadedConfig | None:
    """Return the config of one Dag; read as few files as possible."""
    for path in _likely_first(dag_id, paths):
        try:
            loaded = load_config(path)
        except InputError:
            continue
        if loaded is not None and loaded.dag_id == dag_id:
            return loaded
    return None


def _likely_first(dag_id: str, paths: list[Path]) -> Iterator[Path]:
    likely = [path for path in paths if f"elpa_{path.stem}" == dag_id]
    yield from likely
    # JSON may write an id with escapes, so files without its letters come last.
    others = [path for path in paths if path not in likely]
    named = [path for path in others if _holds(path, dag_id.encode())]
    yield from named
    yield from (path for path in others if path not in named)


def _holds(path: Path, text: bytes) -> bool:
    try:
        return text in read_file(path)
    except InputError:
        return False
