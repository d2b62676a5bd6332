"""`load`: the classifier of a run."""

from pathlib import Path

from torch import nn

from assay.core.errors import DataError, UsageError
from assay.core.runtime import Runtime
from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.experiments.fault_injection import Faults
from assay.experiments.run import Run
from assay.models.build import build_net


def load(run: Run | str | Path, *, model: nn.Module | None = None, runtime: Runtime | None = None) -> Classifier:
    """The classifier that a run trained, with its best weights and its own Preprocess. Raises AssayError.

    model: your own module, if the run trained one.
    """
    run = find_run(run)
    runtime = runtime or Runtime.choose()
    weights, config, recipe = run.read_weights(), run.read_json("config.json"), run.recipe
    if not config.keys() >= {"preprocess", "class_names"}:
        raise DataError(f"{run.folder / 'config.json'} is damaged: it lacks preprocess or class_names")
    preprocess, class_names = Preprocess.from_dict(config["preprocess"]), tuple(config["class_names"])
    if config.get("own_model") and model is None:
        raise UsageError(f"{run.name} trained your own {recipe.model.name}; give it again: load(run, model=...)")
    if model is None:
        spec = Faults(recipe).model(recipe.model, len(class_names))
        model = build_net(spec, preprocess.shape, len(class_names), recipe.seed)
    model.load_state_dict(weights)
    return Classifier(runtime.place(model), preprocess, class_names, runtime)


def find_run(run: Run | str | Path) -> Run:
    """The run itself, or the run of a folder or name, as of `Run.find`."""
    return run if isinstance(run, Run) else Run.find(str(run))
