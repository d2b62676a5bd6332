"""Runs and studies mirrored to MLflow."""
