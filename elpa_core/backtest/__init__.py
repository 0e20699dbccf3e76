"""Compare ways of combining forecasts on rows with known actuals."""
