"""The schema of a policy, and what all schemas share: the groups, and words for what is wrong."""
