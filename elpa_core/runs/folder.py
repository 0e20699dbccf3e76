"""The names in a run's folder."""

from __future__ import annotations

MANIFEST_NAME = "train_manifest.json"
CONFIG_NAME = "config.json"
STDOUT_NAME = "train.stdout.log"
STDERR_NAME = "train.stderr.log"
STATUS_NAME = "status.json"
POLICY_NAME = "elpa_policy.json"
