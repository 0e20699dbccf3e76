"""What a Dag's policies did over time, and what a run decided, as JSON objects for pages and programs."""

from elpa_core.views.book import Book, Books, Glance
from elpa_core.views.dag_view import dag_view, overview, policy_rows
from elpa_core.views.run_view import run_view

__all__ = ["Book", "Books", "Glance", "dag_view", "overview", "policy_rows", "run_view"]
