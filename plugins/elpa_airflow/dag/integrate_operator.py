"""The operator of the last task of a run: it tells the pages the store, and leads to the run's page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from airflow.configuration import conf
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import BaseOperatorLink

from elpa_airflow.run.names import RUN_ROUTE
from elpa_core.schema.policy import MissingModel


class PolicyLink(BaseOperatorLink):
    """Leads from `integrate` to the run's tab Policy."""

    name = "Policy"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the path of the tab, below Airflow's base path."""
        base = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        return f"{base}/dags/{quote(ti_key.dag_id)}/runs/{quote(ti_key.run_id, safe='')}/plugin/{RUN_ROUTE}"


class IntegrateOperator(PythonOperator):
    """Calls Python; the serialized Dag and Rendered Templates have the store.

    Parameters
    ----------
    elpa_store : str
        Where the policies are. It is shown as it is: nothing renders it.
    **arguments
        Of a `PythonOperator`.
    """

    template_fields = ("elpa_store",)
    operator_extra_links = (PolicyLink(),)
    missing: tuple[MissingModel, ...] = ()
    """The models that were missing when it failed."""

    def __init__(self, *, elpa_store: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.elpa_store = elpa_store

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Leave the store as it is."""
