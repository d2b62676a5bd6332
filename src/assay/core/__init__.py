"""Foundations for all of assay, without machine learning: errors, files, registries, plug-ins, the runtime."""
