"""``elpa policy`` and ``elpa runs`` without ``--store`` and ``--dag``. Under 1 s."""

from __future__ import annotations

import signal

import pytest
from support.stores import policy, run

from elpa_core.cli import main
from elpa_core.cli.store_commands import STORE_VARIABLE
from elpa_core.store import PolicyStore

LIST = ("policy", "list")
PRUNE = ("runs", "prune", "--keep", "1", "--dry-run")


@pytest.fixture
def root(tmp_path):
    """Return a store with the Dag ``pool``, and a folder beside it that is none of a Dag."""
    root = tmp_path / "store"
    run(PolicyStore(root, "pool"), 1, policy({"ets": 1.0}))
    (root / "lost+found").mkdir()
    return root


@pytest.fixture
def command(capsys, monkeypatch):
    """Run the command line in this process; return status, standard output, standard error."""
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def call(*arguments):
        capsys.readouterr()
        return main([*map(str, arguments)]), *capsys.readouterr()

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("arguments", [LIST, PRUNE], ids=" ".join)
def test_the_store_is_that_of_airflows_setting_and_the_dag_its_only_one(
    command, root, monkeypatch, arguments
):
    monkeypatch.setenv(STORE_VARIABLE, str(root))
    named = command(*arguments, "--store", root, "--dag", "pool")
    assert named[0] == 0
    assert command(*arguments) == named


def test_a_tilde_is_the_users_home(command, root, monkeypatch):
    named = command(*LIST, "--store", root)
    monkeypatch.setenv("HOME", str(root.parent))
    assert command(*LIST, "--store", "~/store") == named
    monkeypatch.setenv(STORE_VARIABLE, "~/store")
    assert command(*LIST) == named


def test_the_home_of_nobody_is_refused(command):
    assert command(*LIST, "--store", "~no such user/store") == (
        2,
        "",
        "error: ~no such user/store: found the home of a user whom this machine does not know; expected a"
        " path; write ./ before the name of a folder that begins with ~\n",
    )


def test_a_relative_setting_lies_in_airflow_home(command, root, monkeypatch):
    monkeypatch.setenv(STORE_VARIABLE, "store")
    monkeypatch.setenv("AIRFLOW_HOME", str(root.parent))
    assert command(*LIST)[0] == 0
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.delenv("AIRFLOW_HOME")
    (root.parent / "airflow").mkdir()
    root.rename(root.parent / "airflow" / "store")
    assert command(*LIST)[0] == 0


def test_what_is_named_wins(command, root, monkeypatch):
    monkeypatch.setenv(STORE_VARIABLE, str(root.parent / "elsewhere"))
    assert command(*LIST, "--store", root)[0] == 0
    status, _, error = command(*LIST, "--store", root, "--dag", "pol")
    assert (status, 'did you mean "pool"?' in error) == (2, True)


def test_no_store_at_all_is_refused_with_what_to_do(command):
    expected = "--store: found nothing; expected a policy store, a folder or a URI; give --store, or set "
    assert command(*LIST) == (2, "", f"error: {expected}{STORE_VARIABLE}\n")


def test_a_connection_in_the_setting_is_for_airflow(command, monkeypatch):
    monkeypatch.setenv(STORE_VARIABLE, "s3://minio@bucket/elpa")
    status, _, error = command(*LIST)
    assert status == 2
    assert "outside Airflow the credentials come from the environment" in error


def test_a_store_of_several_dags_lists_them(command, root):
    run(PolicyStore(root, "другой"), 1, policy({"ets": 1.0}))
    status, _, error = command(*LIST, "--store", root)
    assert status == 2
    assert (
        error
        == f"error: {root}: found 2 Dags, pool, другой; expected one Dag; name one of them: --dag DAG_ID\n"
    )


def test_a_store_of_no_dag_and_no_store_say_so(command, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, error = command(*LIST, "--store", tmp_path / "empty")
    assert (status, "empty: found no Dag; expected what the runs of a Dag have left; " in error) == (2, True)
    status, _, error = command(*LIST, "--store", tmp_path / "none")
    assert (status, "none: found no such folder; expected a policy store" in error) == (2, True)
