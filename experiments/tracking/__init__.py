"""Runs in the services where people keep their experiments: MLflow, Weights & Biases."""
