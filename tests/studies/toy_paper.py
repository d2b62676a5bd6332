"""A paper of two steps and a search on the bars."""

STEPS = """\
# Two steps.
base: bars.yaml
changes: {training.epochs: 1}
replicates: 2
plan: {name: ladder, steps: {adam: {optimizer.name: adam}}}
reported: {adam: 0.25}
"""
SEARCH = """\
# A search.
base: bars.yaml
score: loss
replicates: 1
plan: {name: halving, draws: 4, over: {optimizer.lr: [0.05, 0.001], training.batch_size: [50, 100]}}
"""
