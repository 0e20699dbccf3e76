"""From validation errors to a policy: scores, weights, evaluation."""
