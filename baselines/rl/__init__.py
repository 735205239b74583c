"""Reinforcement learning on the simulated users: methods with a policy that is trained, beside those with an LLM."""
