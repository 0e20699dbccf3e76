"""What a model was trained on: what is recorded, what fits, and what a record of 0.1.0 is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from elpa_core.config.training import RunFields
from elpa_core.errors import ConfigError
from elpa_core.runs.trained_on import FIELDS, misfit, recorded_by_0_1_0, trained_on

CONTEXT = {"epochs": 10, "rate": 0.5, "deep": True, "note": None, "api_token": "hunter22hunter"}
HERE = RunFields(
    dataset="/data/load.csv",
    val_dataset="/data/val.csv",
    test_dataset="/data/test.csv",
    horizon=24,
    period=168,
    context=CONTEXT,
)


def other(**fields: Any) -> RunFields:
    return HERE.model_copy(update=fields)


def other_context(**values: Any) -> RunFields:
    return other(context={**CONTEXT, **values})


class TestWhatFits:
    @pytest.mark.parametrize("changes", [{}, {"seed": 7}, {"beta": 0.1}, {"amplitude_window": 9}], ids=str)
    def test_the_same_data_whatever_the_seed_and_the_scores(self, changes: dict[str, Any]) -> None:
        assert misfit(trained_on(other(**changes)), HERE) is None

    def test_after_it_was_written_and_read(self) -> None:
        assert misfit(json.loads(json.dumps(trained_on(HERE))), HERE) is None

    @pytest.mark.parametrize(
        ("there", "reason"),
        [
            (other(dataset="/other/kilo.csv"), "trained on /other/kilo.csv, this run has /data/load.csv"),
            (other(dataset=""), "trained on none, this run has /data/load.csv"),
            (
                other(val_dataset="/v.csv"),
                "trained with val_dataset /v.csv, this run has /data/val.csv",
            ),
            (
                other(test_dataset="/t.csv"),
                "trained with test_dataset /t.csv, this run has /data/test.csv",
            ),
            (other(horizon=12), "trained with horizon 12, this run has 24"),
            (other(period=24), "trained with period 24, this run has 168"),
            (other_context(epochs=11), "trained with context.epochs 11, this run has 10"),
            (other_context(deep=1), "trained with context.deep 1, this run has true"),
            (other_context(note="x"), "trained with context.note x, this run has null"),
            (other_context(api_token="else"), "trained with another context.api_token"),
            (other_context(more=1), "trained with context.more, which this run does not have"),
            (
                other(context={k: v for k, v in CONTEXT.items() if k != "rate"}),
                "trained without context.rate, which this run has",
            ),
            (
                other(horizon=12, period=24),
                "trained with horizon 12, this run has 24; trained with period 24, this run has 168",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_each_difference_is_named(self, there: RunFields, reason: str) -> None:
        assert misfit(trained_on(there), HERE) == reason

    def test_every_field_counts(self) -> None:
        assert {*FIELDS, "context", "salt"} == set(trained_on(HERE))

    def test_a_whole_number_is_the_same_number_with_a_point(self) -> None:
        assert misfit(trained_on(other_context(epochs=10.0)), HERE) is None
        number = other(context={"api_key": 12345678.0})
        assert misfit(trained_on(number), other(context={"api_key": 12345678})) is None


class TestSecrets:
    def test_are_kept_as_a_hash_with_a_salt_of_its_own(self) -> None:
        first, second = trained_on(HERE), trained_on(HERE)
        assert "hunter22" not in json.dumps(first)
        assert first["salt"] != second["salt"]
        assert first["context"]["api_token"] != second["context"]["api_token"]
        assert misfit(first, HERE) is misfit(second, HERE) is None

    def test_a_value_that_holds_one_is_hashed_and_never_shown(self) -> None:
        there, here = other(dataset="db://me:hunter22@host/a"), other(dataset="db://me:hunter22@host/b")
        record = trained_on(there, ["hunter22"])
        assert "hunter22" not in json.dumps(record)
        assert misfit(record, there, ["hunter22"]) is None
        assert misfit(record, here, ["hunter22"]) == "trained with another dataset"
        said = misfit(trained_on(other(dataset="/plain")), here, ["hunter22"])
        assert said == "trained on /plain, this run has ***"


STATUS = {"generation": "0-a"}


class TestARunOf010:
    def run(self, folder: Path, *, chosen: dict[str, Any] | None, generation: dict[str, Any] | None) -> Path:
        (folder / "generations").mkdir()
        config = {"dataset": "/data/load.csv", "context": {"epochs": 10, "rate": 0.5}, "models": []}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        if generation is not None:
            text = json.dumps({"config": json.dumps(generation)})
            (folder / "generations" / "0-a.json").write_text(text, encoding="utf-8")
        if chosen is not None:
            (folder / "train_manifest.json").write_text(json.dumps({"chosen": chosen}), encoding="utf-8")
        return folder

    def test_is_known_by_its_frozen_config(self, tmp_path: Path) -> None:
        record = recorded_by_0_1_0(self.run(tmp_path, chosen={}, generation=None), STATUS)
        here = RunFields(dataset="/data/load.csv", context={"epochs": 10, "rate": 0.5})
        assert misfit(record, here) is None
        assert misfit(record, here.model_copy(update={"period": 7})) == (
            "trained with period 24, this run has 7"
        )

    def test_and_by_what_was_chosen(self, tmp_path: Path) -> None:
        chosen = {"dataset": "/other/kilo.csv", "horizon": 12, "context": {"epochs": 3}, "models": ["a"]}
        record = recorded_by_0_1_0(self.run(tmp_path, chosen=chosen, generation=None), STATUS)
        there = {"dataset": "/other/kilo.csv", "horizon": 12, "context": {"epochs": 3, "rate": 0.5}}
        assert misfit(record, RunFields.model_validate(there)) is None

    def test_the_config_is_that_of_its_own_clearing(self, tmp_path: Path) -> None:
        folder = self.run(tmp_path, chosen={}, generation={"dataset": "/before/clearing.csv"})
        assert misfit(recorded_by_0_1_0(folder, STATUS), RunFields(dataset="/before/clearing.csv")) is None
        later = recorded_by_0_1_0(folder, {"generation": "1-b"})
        assert later["dataset"] == "/data/load.csv"

    @pytest.mark.parametrize("gone", ["train_manifest.json", "config.json"])
    def test_is_not_known_without_both(self, tmp_path: Path, gone: str) -> None:
        folder = self.run(tmp_path, chosen={}, generation=None)
        (folder / gone).unlink()
        with pytest.raises(ConfigError, match=gone):
            recorded_by_0_1_0(folder, STATUS)
