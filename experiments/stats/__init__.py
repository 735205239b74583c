"""Statistics of episodes: metrics and their intervals."""
