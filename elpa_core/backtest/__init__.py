"""Compare ways of combining forecasts on rows whose actuals are known."""
