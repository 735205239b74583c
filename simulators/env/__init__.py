"""Worlds of simulated users, one user at a time or many at once."""
