"""Forecasting models for an hourly water flow: reading, features, learners."""
