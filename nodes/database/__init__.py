"""Databases that a workflow queries: one seam, `base.Database`, with a driver in a module for each kind."""
