"""What is computed of episodes: metrics and their intervals."""
