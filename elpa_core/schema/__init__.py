"""The one schema of a policy: what builds, stores and serves policies takes it from here."""
