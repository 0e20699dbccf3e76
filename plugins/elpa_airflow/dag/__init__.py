"""The parts that ELPA builds when Airflow parses a Dag file."""
