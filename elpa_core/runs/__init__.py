"""A run of a pool: its folder, its plan, its manifest."""
