"""ELPA: train a pool of forecasting sub-models and build the policy that weights and routes them."""

__all__ = ["__version__"]

__version__ = "0.2.0.dev0"
