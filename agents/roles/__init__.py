"""What the language model is asked: one role a file."""
