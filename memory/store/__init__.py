"""Storage of records: Chroma, its locks and its registry."""
