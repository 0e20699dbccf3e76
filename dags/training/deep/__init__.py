"""Deep models for an hourly series, by neuralforecast: windows of the data, networks, the program."""
