"""The four roles and what they use. They see only the catalogue, the user's history and the user's answers."""
