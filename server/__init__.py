"""Talking: the shapes and words of each HTTP surface.

This room translates; it holds no rule about runs.
"""

from server.main_api import BatchView, ExecutionView, ValidationErrorView, batch_view

__all__ = ["BatchView", "ExecutionView", "ValidationErrorView", "batch_view"]
