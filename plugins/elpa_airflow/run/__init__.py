"""What a task knows of its Dag run."""
