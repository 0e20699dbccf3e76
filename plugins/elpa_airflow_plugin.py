"""For a plugins folder: registers ELPA where the distribution is not installed.

The installed distribution registers the plugin by its entry point. Both at once would make Airflow
refuse the second with an import error in the UI, so this module then offers nothing.
"""

from importlib.metadata import PackageNotFoundError, distribution

try:
    distribution("elpa-airflow")
except PackageNotFoundError:
    from elpa_airflow.plugin import ElpaPlugin  # noqa: F401
