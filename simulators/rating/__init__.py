"""Models of the ratings that users give."""
