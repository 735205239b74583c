"""The roles of the language model, one per module."""
