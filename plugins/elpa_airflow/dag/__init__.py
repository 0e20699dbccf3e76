"""What is made when a Dag file is parsed."""
