"""The four roles and what they use; they see the catalogue, the user's history and the user's answers only."""
