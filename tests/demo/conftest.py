"""The training code is a user's code base: no package installs it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "dags" / "training"))
