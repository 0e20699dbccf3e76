"""Artifacts that are none, or not what was trained, by ``dag.test()``. About 10 seconds."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from support.airflow_site import DagRunResult, Site, model, train_cmd

CHANGES_ANOTHERS = """\
[ -e {run_dir}/models/victim/errors.csv ] || exit 1
echo 5 >> {run_dir}/models/victim/errors.csv
""" + train_cmd(1, 2)

LOUD = train_cmd(1, first="seq 1 300; echo $MY_TOKEN")
DEEP = "mkdir model; touch model/weights.safetensors; " + train_cmd(1, 2)

BAD_ARTIFACTS = {
    "header_only": (r"printf 'abs_error\n' > errors.csv", "found a header and no row"),
    "empty": (": > errors.csv", "found an empty file"),
    "no_column": (r"printf 'mae\n1\n' > errors.csv", "mae"),
    "a_word": (r"printf 'abs_error\n1\noops\n' > errors.csv", '"oops"'),
    "nan": (r"printf 'abs_error\n1\nnan\n' > errors.csv", '"nan"'),
    "infinity": (r"printf 'abs_error\ninf\n' > errors.csv", '"inf"'),
    "a_cell_more": (r"printf 'abs_error\n1,2\n' > errors.csv", "2"),
    "bytes": (r"printf 'abs_error\n\377\n' > errors.csv", "UTF-8"),
    "a_folder": ("mkdir errors.csv", "folder"),
}


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    site = new_site("artifacts")
    (site.configs / "old_errors.csv").write_text("abs_error\n1\n", encoding="utf-8")
    bad = [model(name, cmd=cmd) for name, (cmd, _) in BAD_ARTIFACTS.items()]
    bad += [
        model("nothing", cmd="true"),
        model("outside", cmd="true", error_csv="{config_dir}/old_errors.csv"),
        model(
            "gone", cmd=f"cd {{run_dir}}; {train_cmd(1)}; rm -r models/gone", error_csv="{run_dir}/errors.csv"
        ),
        model("good"),
        model("loud", "offline", cmd=LOUD, env={"MY_TOKEN": "hunter22"}, airflow={"max_log_lines": 50}),
        model("off", "offline"),
    ]
    site.config("artifacts", bad, airflow={"on_model_failure": "continue", "retries": 0})
    vandal = [model("victim"), model("on"), model("vandal", "offline", cmd=CHANGES_ANOTHERS)]
    site.config("changed", vandal, airflow={"on_model_failure": "continue", "retries": 3, "retry_delay": 0})
    deep = model("deep", "offline", cmd=DEEP, artifacts=["model/*.ckpt"])
    site.config("unmatched", [model("fast"), deep], airflow={"retries": 1, "retry_delay": 1})
    return site


@pytest.fixture(scope="module")
def runs(home: Site) -> dict[str, DagRunResult]:
    return {dag_id.removeprefix("elpa_"): run for dag_id, run in home.dag_test().items()}


class TestArtifacts:
    @pytest.mark.parametrize("name", BAD_ARTIFACTS)
    def test_an_unreadable_one_fails_the_task(self, name: str, runs: dict[str, DagRunResult]) -> None:
        run = runs["artifacts"]
        assert run.states[f"online.{name}"] == "failed"
        reason = run.entry(name)["reason"]
        path = run.run_dir / "models" / name / "errors.csv"
        assert reason.startswith(f"the task failed: {path}: ")
        assert BAD_ARTIFACTS[name][1] in reason
        assert reason.removeprefix("the task failed: ") in run.task_log(f"online.{name}")

    def test_none_fails_the_task(self, runs: dict[str, DagRunResult]) -> None:
        reason = runs["artifacts"].entry("nothing")["reason"]
        assert "errors.csv: found no such file; expected the validation errors" in reason

    def test_a_folder_that_the_command_removed_is_the_reason(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["artifacts"]
        path = run.run_dir / "models" / "gone" / "handed_on_errors.csv"
        assert (
            run.entry("gone")["reason"] == f"the task failed: [Errno 2] No such file or directory: '{path}'"
        )

    def test_one_that_was_there_before_fails_the_task(
        self, home: Site, runs: dict[str, DagRunResult]
    ) -> None:
        reason = runs["artifacts"].entry("outside")["reason"]
        assert f"{home.configs}/old_errors.csv: found a file left by an earlier attempt" in reason
        assert (home.configs / "old_errors.csv").read_text(encoding="utf-8") == "abs_error\n1\n"

    def test_one_that_was_changed_after_training_is_not_used(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["changed"]
        assert run.states["online.victim"] == "success"
        (missing,) = run.policy["missing"]
        path = run.run_dir / "models" / "victim" / "errors.csv"
        assert missing["name"] == "victim"
        assert missing["reason"].startswith(f"{path}: found content with SHA-256")
        assert run.entry("victim")["status"] == "failed"

    def test_a_pattern_that_names_nothing_is_a_warning(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["unmatched"]
        assert (run.state, run.tries["offline.deep"]) == ("success", 1)
        warning = (
            f"{run.run_dir}/models/deep: found no such file; expected at least one file that artifacts names"
            ' with "model/*.ckpt"; let the command write it there, or take the pattern out of the config'
        )
        assert warning in run.task_log("offline.deep")
        entry = run.entry("deep")
        assert (entry["status"], entry["artifacts"], entry["warnings"]) == ("ok", [], [warning])
        assert run.xcoms["offline.deep"]["artifacts"] == []
        assert run.policy["offline_models"] == ["deep"]

    def test_much_output_is_in_a_file_and_its_begin_and_end_in_the_log(
        self, runs: dict[str, DagRunResult]
    ) -> None:
        run = runs["artifacts"]
        path = run.run_dir / "models" / "loud" / "output.log"
        whole = [*map(str, range(1, 301)), "***"]
        assert path.read_text(encoding="utf-8").splitlines() == whole
        text = run.task_log("offline.loud").partition("Command:")[2]
        log = re.findall(r"\[info +\] (.*?) +\[airflow\.task\.operators", text)
        at = log.index(
            "elpa: more output than 50 lines (max_log_lines); the last lines follow at the end;"
            f" all of it is in {path}"
        )
        assert log[at - 50 : at] == whole[:50]
        assert log[at + 1] == "elpa: the last 200 of 301 lines of output:"
        assert log[at + 2 : at + 202] == whole[-200:]
        assert run.entry("loud")["status"] == "ok"

    def test_the_policy_does_without_them(self, runs: dict[str, DagRunResult]) -> None:
        policy = runs["artifacts"].policy
        missing = {m["name"]: m["reason"] for m in policy["missing"]}
        assert set(missing) == {*BAD_ARTIFACTS, "nothing", "outside", "gone"}
        assert policy["online_models"] == ["good"]
