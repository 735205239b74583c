"""Where records lie: Chroma, its locks and its registry."""
