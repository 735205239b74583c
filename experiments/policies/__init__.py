"""Runs that train the policies of reinforcement learning, and search for their hyperparameters."""
