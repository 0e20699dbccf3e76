"""Answer forecasts that arrive block by block."""
