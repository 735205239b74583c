"""Reinforcement learning on the simulated users: methods with a trained policy."""
