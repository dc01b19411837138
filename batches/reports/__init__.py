"""Reports of executions: what they say, how they are written, kept and found again."""
