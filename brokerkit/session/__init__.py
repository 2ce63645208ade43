"""A session without widgets, and the objects it returns."""
