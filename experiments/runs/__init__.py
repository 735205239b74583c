"""Runs: plans of episodes, their folder, and what plays them."""
