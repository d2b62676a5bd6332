"""Whether the verdicts of assay are right, by simulation and by real runs: one module for each question.

A question's module has a function `section(runs, times, rng)` that returns Markdown; `__main__.QUESTIONS` lists them.
`times` is the number of repetitions; `runs` are real runs, trained only for the questions that read them.
"""
