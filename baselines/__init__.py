"""Baselines that the project's own methods are compared with."""
