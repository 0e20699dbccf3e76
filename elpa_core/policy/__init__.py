"""Make a policy from validation errors: scores, weights, evaluation."""
