"""Make Dags from a folder of configs: one Dag per training config, one import error per refused config."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from elpa_airflow.dag.builder import build_dag
from elpa_airflow.dag.refused_config import refused_dags
from elpa_core.config.folder import clashing_ids, configs_in
from elpa_core.config.loading import load_if_training
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import ConfigError, InputError, Problem
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
        The Dags by id; where Airflow needs only one, such as in a task process, only that one. A
        refused config is a Dag that Airflow turns into an import error, see
        `elpa_airflow.dag.refused_config`.

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
    dags, errors = _all_dags(paths, place)
    if wanted is not None:
        errors = {path: error for path, error in errors.items() if _may_be(wanted, path)}
    return {**dags, **refused_dags(errors)}


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
    return configs_in(folder)


def _all_dags(paths: list[Path], store: str | None) -> tuple[dict[str, DAG], dict[Path, InputError]]:
    dags: dict[str, DAG] = {}
    errors: dict[Path, InputError] = {}
    configs: list[LoadedConfig] = []
    for path in paths:
        try:
            if (loaded := load_config(path)) is not None:
                configs.append(loaded)
        except InputError as error:
            errors[path] = error
    clashes = clashing_ids(configs)
    for loaded in configs:
        if clash := clashes.get(loaded.path):
            errors[loaded.path] = ConfigError(clash)
            continue
        try:
            dags[loaded.dag_id] = build_dag(loaded, store)
        except InputError as error:
            errors[loaded.path] = error
    return dags, errors


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
    likely = [path for path in paths if _has_default_id(dag_id, path)]
    yield from likely
    # JSON may write an id with escapes, so files without its letters come last.
    others = [path for path in paths if path not in likely]
    named = [path for path in others if _holds(path, dag_id.encode())]
    yield from named
    yield from (path for path in others if path not in named)


def _may_be(dag_id: str, path: Path) -> bool:
    """Tell whether a refused config may be meant to be this Dag."""
    return _has_default_id(dag_id, path) or _holds(path, dag_id.encode())


def _has_default_id(dag_id: str, path: Path) -> bool:
    return f"elpa_{path.stem}" == dag_id


def _holds(path: Path, text: bytes) -> bool:
    try:
        return text in read_file(path)
    except InputError:
        return False
