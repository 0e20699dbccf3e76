"""ELPA: train a pool of forecasting sub-models and build the policy that weights and routes them."""
