"""The pages in Airflow's UI: one web application that is loaded with its first request."""
