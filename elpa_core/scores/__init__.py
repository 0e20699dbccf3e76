"""EWMA scores and inverse-score weights (section 4 of the contract)."""
