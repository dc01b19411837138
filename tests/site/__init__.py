"""A small local web site that browser tests drive."""
