"""Nets: the line language and its shape arithmetic, the reports' nets by name, and the layer table."""
