"""Names by which the parts of ELPA in Airflow find each other."""

from __future__ import annotations

TAG = "elpa"
"""The tag of each Dag that ELPA made."""
INTEGRATE = "integrate"
"""The last task of a run."""
RUN_ROUTE = "elpa-run-policy"
"""The route of the tab on a run."""
