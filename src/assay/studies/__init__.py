"""Studies: many runs with a reason.

`spec.py` and `plans/` define what runs, `study.py` is the folder, `runner.py` runs it, `results.py` compares the
variants, and `engines/` decide where the runs run.
"""
