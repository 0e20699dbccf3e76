"""What people choose when they start a run, over REST: checked, shown, and data for the commands.

About a minute. Runs that do not need each other run at the same time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.airflow_runs import read_json
from support.airflow_site import model, train_cmd, training
from support.hostile_values import HOSTILE_VALUES
from support.standalone_airflow import Standalone

from rest_api import RestApiError

pytestmark = pytest.mark.slow

POOL = "elpa_pool"
FORM = {"retries": 1, "retry_delay": 0}
REFUSED = ("$.epochs", "$.horzon", "horizon", "$.context.nope", "note, rate", "$.context.note", "NUL")


@pytest.fixture(scope="module")
def pool(standalone: Standalone) -> str:
    """A Dag with all fields, each of which reaches a command."""
    show = (
        "printf '%s|' {dataset} {val_dataset} '{test_dataset}' {horizon} {period} {seed} {note} {beta}"
        ' "$ELPA_NOTE" > chosen; '
    )
    models = [
        training("ridge", first=show),
        training("naive"),
        training("tide", "offline"),
        model("idle", "offline", enabled=False),
    ]
    standalone.config(
        "pool",
        models,
        airflow={**FORM, "free_text": ["dataset", "note"]},
        dataset="train.csv",
        val_dataset="val.csv",
        horizon=6,
        context={"note": "none", "rate": 0.5},
    )
    standalone.airflow.wait_for_dag(POOL)
    return POOL


def params(standalone: Standalone, dag_id: str) -> dict[str, Any]:
    return dict(standalone.airflow.call("GET", f"/dags/{dag_id}/details")["params"])


class TestTheForm:
    def test_has_the_fields_that_people_need_most_first_and_in_no_section(
        self, standalone: Standalone, pool: str
    ) -> None:
        found = params(standalone, pool)
        sections = {name: param["schema"].get("section") for name, param in found.items()}
        assert list(sections) == [
            *("models", "groups", "dry_run", "publish", "dataset", "horizon"),
            *("val_dataset", "test_dataset", "period", "seed", "context"),
            *("beta", "dirty_interval", "amplitude_window", "mutant_epsilon"),
        ]
        assert set(list(sections.values())[:6]) == {None}
        assert None not in list(sections.values())[6:]

    def test_is_filled_with_what_the_config_says(self, standalone: Standalone, pool: str) -> None:
        found = params(standalone, pool)
        assert {name: param["value"] for name, param in found.items()} == {
            "models": ["ridge", "naive", "tide"],
            "groups": ["online", "offline"],
            "dry_run": False,
            "publish": None,
            "dataset": "train.csv",
            "horizon": 6,
            "val_dataset": "val.csv",
            "test_dataset": "",
            "period": 24,
            "seed": 42,
            "context": {"note": "none", "rate": 0.5},
            "beta": 0.7,
            "dirty_interval": 3,
            "amplitude_window": 6,
            "mutant_epsilon": None,
        }

    def test_has_types(self, standalone: Standalone, pool: str) -> None:
        found = params(standalone, pool)
        types = {name: param["schema"]["type"] for name, param in found.items()}
        assert types == {
            **dict.fromkeys(("models", "groups"), "array"),
            "dry_run": "boolean",
            "publish": ["null", "boolean"],
            **{name: ["null", "string"] for name in ("dataset", "val_dataset", "test_dataset")},
            **dict.fromkeys(("horizon", "period", "seed", "dirty_interval", "amplitude_window"), "integer"),
            "context": "object",
            "beta": "number",
            "mutant_epsilon": ["null", "number"],
        }
        for name in ("models", "groups"):
            schema = found[name]["schema"]
            assert schema["examples"] == schema["items"]["enum"] == found[name]["value"]

    @pytest.mark.parametrize(
        "conf",
        [
            {"horizon": "30"},
            {"horizon": 0},
            {"period": 1.5},
            {"beta": 1},
            {"beta": -0.1},
            {"mutant_epsilon": 0},
            {"dirty_interval": -1},
            {"amplitude_window": 0},
            {"dry_run": "yes"},
            {"publish": "yes"},
            {"models": ["rigde"]},
            {"models": "ridge"},
            {"models": ["idle"]},
            {"groups": ["both"]},
            {"dataset": 3},
            {"context": []},
        ],
        ids=str,
    )
    def test_a_bad_value_is_refused_before_there_is_a_run(
        self, standalone: Standalone, pool: str, conf: dict[str, Any]
    ) -> None:
        with pytest.raises(RestApiError, match=": 400 ") as caught:
            standalone.airflow.trigger(pool, conf=conf)
        assert next(iter(conf)) in str(caught.value)


@pytest.fixture(scope="module")
def runs(standalone: Standalone, pool: str) -> dict[str, str]:
    """The ids of runs, by what was chosen; all have ended. The first one leaves artifacts for the others."""
    first, state = standalone.run(pool)
    assert state == "success", standalone.states(pool, first)
    defaults = {name: param["value"] for name, param in params(standalone, pool).items()}
    confs: dict[str, dict[str, Any]] = {
        "unchanged": defaults,
        "refused": {"epochs": 3, "horzon": 2, "context": {"nope": 1, "note": "a\0b"}},
        "dry": {"dry_run": True},
        "left_out": {"models": ["ridge", "tide"], "groups": ["online"]},
        "values": {
            "dataset": "my data; touch canary.csv",
            "val_dataset": None,
            "horizon": 12,
            "seed": 7,
            "beta": 0.25,
            "context": {"note": "$(touch canary)"},
        },
    }
    started = standalone.start_together(pool, *({"conf": conf} for conf in confs.values()))
    run_ids = dict(zip(confs, started, strict=True))
    for run_id in run_ids.values():
        standalone.wait(pool, run_id)
    return {"plain": first, **run_ids}


class TestChoices:
    def state(self, standalone: Standalone, run_id: str) -> str:
        return str(standalone.airflow.run_state(POOL, run_id))

    @pytest.mark.parametrize("name", ["plain", "unchanged"])
    def test_what_is_left_as_it_is_counts_as_the_configs(
        self, standalone: Standalone, runs: dict[str, str], name: str
    ) -> None:
        assert self.state(standalone, runs[name]) == "success"
        assert standalone.manifest(POOL, runs[name])["chosen"] == {}
        assert standalone.policy(POOL, runs[name])["chosen"] == {}
        assert chosen(standalone, runs[name]) == "train.csv|val.csv||6|24|42|none|0.7|none|"

    def test_unknown_names_and_a_nul_fail_every_model_once_and_are_named(
        self, standalone: Standalone, runs: dict[str, str]
    ) -> None:
        run_id = runs["refused"]
        assert self.state(standalone, run_id) == "failed"
        assert standalone.states(POOL, run_id) == {
            "online.ridge": "failed",
            "online.naive": "failed",
            "offline.tide": "failed",
            "offline.idle": "skipped",
            "integrate": "failed",
        }
        assert set(standalone.tries(POOL, run_id).values()) == {1}
        for task_id in ("online.ridge", "integrate"):
            log = standalone.log(POOL, run_id, task_id)
            details = standalone.task(POOL, run_id, task_id, "/logs/1")
            for part in REFUSED:
                assert part in log + str(details), (task_id, part)
        assert run_id not in {line["run_id"] for line in standalone.seen(POOL)}
        assert standalone.policy(POOL, run_id) is None

    def test_a_dry_run_shows_commands_and_starts_none(
        self, standalone: Standalone, runs: dict[str, str]
    ) -> None:
        run_id = runs["dry"]
        assert self.state(standalone, run_id) == "success"
        states = standalone.states(POOL, run_id)
        assert states.pop("integrate") == "success"
        assert set(states.values()) == {"skipped"}
        manifest = standalone.manifest(POOL, run_id)
        assert {entry["name"]: entry["status"] for entry in manifest["models"]} == {
            "ridge": "planned",
            "naive": "planned",
            "tide": "planned",
            "idle": "disabled",
        }
        assert manifest["chosen"] == {"dry_run": True}
        command = standalone.entry(POOL, run_id, "naive")["train_cmd"]
        assert "write_errors.py" in command
        assert command in " ".join(standalone.log(POOL, run_id, "online.naive").split("\n  "))
        assert run_id not in {line["run_id"] for line in standalone.seen(POOL)}
        assert standalone.policy(POOL, run_id) is None
        assert run_id not in {line["run_id"] for line in standalone.history(POOL)}

    @pytest.mark.parametrize("left_out", ["naive", "tide"], ids=["by models", "by groups"])
    def test_a_model_left_out_takes_part_with_its_last_good_artifact(
        self, standalone: Standalone, runs: dict[str, str], left_out: str
    ) -> None:
        run_id = runs["left_out"]
        assert self.state(standalone, run_id) == "success"
        policy = standalone.policy(POOL, run_id)
        assert policy["degraded"] is False
        assert policy["chosen"] == {"models": ["ridge", "tide"], "groups": ["online"]}
        carried = policy["errors"][left_out]
        assert carried["carried_from"] in set(runs.values()) - {run_id}
        assert carried["trained_at"] is not None
        assert carried["as_of"] is not None
        assert policy["errors"]["ridge"]["carried_from"] is None
        ran = [line["name"] for line in standalone.seen(POOL) if line["run_id"] == run_id]
        assert ran == ["ridge"]
        assert standalone.entry(POOL, run_id, left_out)["reason"].startswith("left out of this run; takes")

    def test_chosen_values_reach_commands_manifest_and_policy(
        self, standalone: Standalone, runs: dict[str, str]
    ) -> None:
        run_id = runs["values"]
        assert self.state(standalone, run_id) == "success"
        given = {
            "dataset": "my data; touch canary.csv",
            "horizon": 12,
            "seed": 7,
            "beta": 0.25,
            "context": {"note": "$(touch canary)"},
        }
        assert standalone.manifest(POOL, run_id)["chosen"] == given
        policy = standalone.policy(POOL, run_id)
        assert (policy["chosen"], policy["beta"]) == (given, 0.25)
        note = "$(touch canary)"
        assert chosen(standalone, run_id) == f"my data; touch canary.csv|val.csv||12|24|7|{note}|0.25|{note}|"
        assert not [*standalone.home.rglob("canary*")]


def chosen(standalone: Standalone, run_id: str) -> str:
    path = standalone.run_dir(POOL, run_id) / "models" / "ridge" / "chosen"
    return path.read_text(encoding="utf-8")


def test_a_model_left_out_that_was_never_trained_is_missing_and_nothing_is_degraded(
    standalone: Standalone,
) -> None:
    standalone.config("young", [model("a"), model("b"), model("off", "offline")], airflow=FORM)
    run_id, state = standalone.run("elpa_young", {"models": ["a", "off"]})
    policy = standalone.policy("elpa_young", run_id)
    assert (state, policy["degraded"]) == ("success", False)
    (missing,) = policy["missing"]
    assert (missing["name"], missing["intended"]) == ("b", True)
    assert "left out of this run, and no earlier run has left an artifact" in missing["reason"]


# Half of a surrogate pair is no text, so that REST has no way to say it.
VALUES = {
    f"v{number:03}": value
    for number, value in enumerate(HOSTILE_VALUES)
    if "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
}
PLACES = {
    "bare": ("{name}", "{}"),
    "double": ('"{name}"', "{}"),
    "single": ("'{name}'", "{}"),
    "word": ("a{name}b", "a{}b"),
    "half": ("\"a \"{name}' b'", "a {} b"),
}


def command_of(place: str) -> str:
    """Return a command that writes each value, as one word, into a file of its own."""
    if place == "heredoc":
        lines = [f"cat > got/{name} <<'END OF {name}'\n{{{name}}}\nEND OF {name}" for name in VALUES]
    elif place == "heredoc_read":
        lines = [f"cat > got/{name} <<END_OF_{name}\n{{{name}}}\nEND_OF_{name}" for name in VALUES]
    else:
        word = PLACES[place][0]
        lines = [f"printf '%s\\0' {word.replace('name', name)} > got/{name}" for name in VALUES]
    return "\n".join(["mkdir got", *lines, train_cmd(1, 2)])


@pytest.fixture(scope="module")
def folder(standalone: Standalone) -> Path:
    assert len(VALUES) >= 60
    places = [*PLACES, "heredoc", "heredoc_read"]
    models = [model(place, cmd=command_of(place)) for place in places]
    context = dict.fromkeys(VALUES, "the config's own")
    options = {"retries": 0, "on_model_failure": "continue", "free_text": [*VALUES]}
    standalone.config("hostile", [*models, model("off", "offline")], airflow=options, context=context)
    run_id, state = standalone.run("elpa_hostile", {"context": VALUES})
    assert state == "success"
    assert standalone.policy("elpa_hostile", run_id)["missing"] == []
    return standalone.run_dir("elpa_hostile", run_id)


class TestHostileValues:
    """Each value of the corpus at each place where a placeholder can stand, in one run."""

    @pytest.mark.parametrize("place", PLACES)
    def test_a_word_is_exactly_the_value(self, folder: Path, place: str) -> None:
        got = folder / "models" / place / "got"
        around = PLACES[place][1]
        found = {path.name: path.read_bytes() for path in got.iterdir()}
        assert found == {name: around.replace("{}", value).encode() + b"\0" for name, value in VALUES.items()}

    @pytest.mark.parametrize("place", ["heredoc", "heredoc_read"])
    def test_a_here_document_holds_exactly_the_value(self, folder: Path, place: str) -> None:
        got = folder / "models" / place / "got"
        found = {path.name: path.read_bytes() for path in got.iterdir()}
        assert found == {name: value.encode() + b"\n" for name, value in VALUES.items()}

    def test_nothing_else_was_run(self, standalone: Standalone, folder: Path) -> None:
        assert folder.is_dir()
        assert not [*standalone.home.rglob("canary*")]

    def test_what_a_place_cannot_hold_is_refused_before_the_command_starts(
        self, standalone: Standalone
    ) -> None:
        cmd = "touch started\ncat > got <<'EOF'\n{note}\nEOF\n" + train_cmd(1)
        models = [model("on", cmd=cmd), model("off", "offline")]
        standalone.config("refused", models, context={"note": "x"}, airflow={**FORM, "free_text": ["note"]})
        dag_id = "elpa_refused"
        run_id, state = standalone.run(dag_id, {"context": {"note": "x\nEOF\ntouch canary\n"}})
        assert (state, standalone.states(dag_id, run_id)["online.on"]) == ("failed", "failed")
        assert standalone.tries(dag_id, run_id)["online.on"] == 1
        model_dir = standalone.run_dir(dag_id, run_id) / "models" / "on"
        status = read_json(model_dir / "status.json")
        assert status["status"] == "failed"
        assert "note" in status["reason"]
        assert not (model_dir / "started").exists()

    def test_so_is_a_text_that_a_shell_could_read_where_the_config_does_not_open_the_name(
        self, standalone: Standalone
    ) -> None:
        models = [model("a", cmd="touch started; " + train_cmd(1)), model("off", "offline")]
        standalone.config("closed", models, context={"note": "own $(value)", "epochs": 5}, airflow=FORM)
        for typed in ({"note": "$(touch canary)"}, {"epochs": "a[$(touch canary)]"}):
            run_id, state = standalone.run("elpa_closed", {"context": typed})
            assert state == "failed"
            (name,) = typed
            assert standalone.tries("elpa_closed", run_id)["online.a"] == 1
            model_dir = standalone.run_dir("elpa_closed", run_id) / "models" / "a"
            assert f"$.context.{name}: found" in read_json(model_dir / "status.json")["reason"]
            assert not (model_dir / "started").exists()
        _, state = standalone.run("elpa_closed", {"context": {"note": "own $(value)", "epochs": 6}})
        assert state == "success"
        assert not [*standalone.home.rglob("canary*")]
