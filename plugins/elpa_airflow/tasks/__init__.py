"""What the tasks of a Dag run do."""
