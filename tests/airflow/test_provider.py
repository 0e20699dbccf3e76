"""Airflow knows ELPA as a provider, with its settings. About 15 s."""

from __future__ import annotations

import re

from support.airflow_site import ROOT, Site

from elpa_airflow.provider import get_provider_info
from elpa_core import __version__


def test_airflow_lists_the_settings_and_where_each_comes_from(site: Site) -> None:
    site.extra_env["AIRFLOW__ELPA__STORE"] = "/data/policies"
    show = ("--show-values", "--include-sources", "--include-descriptions")
    text = site.airflow("config", "list", "--section", "elpa", *show).stdout
    assert "store = /data/policies" in text
    assert "work_dir = elpa_work" in text
    assert "# The policy store of Dags whose config and Dag file name none" in text


def test_airflow_lists_the_provider(site: Site) -> None:
    (line,) = [row for row in site.airflow("providers", "list").stdout.splitlines() if "elpa-airflow" in row]
    assert line.split("|")[-1].strip() == __version__, "make brings the environment up to date"


def test_the_settings_are_those_that_the_code_reads() -> None:
    sources = (ROOT / "plugins" / "elpa_airflow").rglob("*.py")
    read = {
        name
        for path in sources
        for name in re.findall(r'conf\.get(?:float)?\(\s*"elpa", "(\w+)"', path.read_text())
    }
    assert set(get_provider_info()["config"]["elpa"]["options"]) == read


def test_the_description_is_given_before_airflow_is_imported(site: Site) -> None:
    program = (
        "import sys; from elpa_airflow.provider import get_provider_info; get_provider_info();"
        " print(sorted({name.partition('.')[0] for name in sys.modules} & {'airflow', 'pydantic', 'numpy'}))"
    )
    assert site.python("-c", program).stdout == "[]\n"
