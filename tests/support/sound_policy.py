"""What holds of a run that ended well, whatever happened to the machines: computed here once more."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from support.airflow_runs import read_json
from support.cluster import Cluster
from support.programs.write_errors import errors

BETA = 0.7
SEED = "42"
GROUPS = ("online", "offline")


def assert_sound(cluster: Cluster, dag_id: str, run_id: str, *, exact: bool = True) -> dict[str, Any]:
    """Return the policy of a run, once it is what the artifacts of all its models make it.

    Parameters
    ----------
    cluster : Cluster
        Where it ran.
    dag_id, run_id : str
        The run.
    exact : bool
        Whether the artifacts are those of `training`.
    """
    policy = cluster.policy(dag_id, run_id)
    assert policy is not None, cluster.states(dag_id, run_id)
    manifest = cluster.manifest(dag_id, run_id)
    assert (policy["degraded"], policy["missing"]) == (False, [])
    assert {entry["status"] for entry in manifest["models"]} == {"ok"}
    scores: dict[str, dict[str, float]] = {group: {} for group in GROUPS}
    for entry in manifest["models"]:
        found = np.loadtxt(Path(entry["artifact"]["path"]), skiprows=1, ndmin=1)
        if exact:
            assert found.tolist() == errors(entry["as_of"], SEED, entry["name"])
        scores[entry["group"]][entry["name"]] = _score(found)
    assert policy["scores"] == {name: score for group in GROUPS for name, score in scores[group].items()}
    for group in GROUPS:
        inverse = 1 / np.array(list(scores[group].values()))
        weights = dict(zip(scores[group], (inverse / inverse.sum()).tolist(), strict=True))
        assert weights.keys() == policy[f"{group}_weights"].keys()
        for name, weight in weights.items():
            assert math.isclose(policy[f"{group}_weights"][name], weight, rel_tol=1e-12)
        assert policy[f"best_{group}_model"] == min(scores[group], key=scores[group].__getitem__)
    assert_published_once(cluster, dag_id)
    return dict(policy)


def assert_published_once(cluster: Cluster, dag_id: str) -> None:
    """Check that the publications of a Dag are numbered without gaps, and each policy has at most one."""
    history = [line for line in cluster.history(dag_id) if line["number"] is not None]
    assert [line["number"] for line in history] == list(range(1, len(history) + 1))
    keys = [(line["run_id"], line["policy_number"]) for line in history]
    assert len(keys) == len(set(keys))
    current = cluster.current(dag_id)
    record = current["record"]
    assert (record["run_id"], record["number"]) == keys[-1]
    recorded = read_json(
        cluster.run_dir(dag_id, record["run_id"]) / "policies" / f"{record['number']:04}.json"
    )
    assert current["scores"] == recorded["scores"]


def _score(found: np.ndarray) -> float:
    score = abs(found[0])
    for error in np.abs(found[1:]):
        score = BETA * score + (1 - BETA) * error
    return float(max(score, 1e-9))
