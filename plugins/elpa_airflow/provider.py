"""ELPA's provider info: its name and its settings.

``airflow providers list`` and ``airflow config list --section elpa`` show it. Airflow calls
`get_provider_info` during its own import, in every process. So this module must not import Airflow or
read a file.
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, in the form of ``airflow/provider_info.schema.json``."""
    return {
        "package-name": "elpa-airflow",
        "name": "ELPA",
        "description": "Retrain a pool of forecasting sub-models, and write the policy that weights them.",
        "config": {
            "elpa": {
                "description": "Where ELPA keeps the runs and policies of its Dags.",
                "options": {
                    "store": {
                        "description": (
                            "The policy store of Dags whose config and Dag file name none: a folder that\n"
                            "all workers share, relative to ``AIRFLOW_HOME``, or a URI such as\n"
                            "``s3://CONNECTION@bucket/prefix``.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://aws_default@forecasts/elpa",
                        "default": "elpa",
                    },
                    "work_dir": {
                        "description": (
                            "The folder on a worker, relative to ``AIRFLOW_HOME``, in which commands work\n"
                            "when the policy store is on object storage.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "/data/elpa_work",
                        "default": "elpa_work",
                    },
                    "resume_upload_interval": {
                        "description": (
                            "Seconds between two uploads of the files that ``resume_from`` names, while the\n"
                            "command runs, when the policy store is on object storage.\n"
                        ),
                        "version_added": "0.2.0",
                        "type": "float",
                        "example": "60",
                        "default": "180",
                    },
                },
            }
        },
    }
