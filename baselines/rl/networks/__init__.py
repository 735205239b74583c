"""What the policies compute, in torch; loaded only when an RL method runs."""
