"""What the project's own methods are measured against."""
