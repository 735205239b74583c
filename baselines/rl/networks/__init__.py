"""The policies' networks, in torch; imported only when an RL method runs."""
