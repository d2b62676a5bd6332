"""Studies: many runs with a reason. What one does is in `spec.py` and `plans.py`, its folder in `study.py`, its course
in `conduct.py`, its results in `table.py`; `engines/` decide where the runs run.
"""
