"""Worlds of simulated users, one at a time and many at once."""
