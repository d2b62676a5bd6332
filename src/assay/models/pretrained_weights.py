"""The weights that a recipe names, on this machine: finding their file, downloading it, loading it into the net.

What is in a file: `weights.py`.
"""

from pathlib import Path

from torch import Tensor, nn

from assay.core.errors import AssayError, DataError
from assay.models.head import find_head
from assay.models.pretrained import require_hub
from assay.models.weights import load_weights, read_weights
from assay.recipes.schema import Model


def load_pretrained(net: nn.Module, model: Model, classes: int, folder: Path) -> None:
    """Load the weights that the recipe names into the net, except its head. folder: holds files of weights.

    Raises DataError for a wrong file, AssayError for weights that are not available, with what to do.
    """
    if model.weights == "none":
        return
    hub, name = require_hub(model)
    path = find_weights_file(model, folder)
    state, source = (read_weights(path), str(path)) if path else (_download(model, folder), hub.url(name))
    load_weights(net, state, find_head(net, classes, model), source, hub.unused_prefixes(name))


def fetch_weights(model: Model, folder: Path) -> None:
    """Make sure that the recipe's weights are on this machine. Raises AssayError if they are not available."""
    if model.weights == "none":
        return
    path = find_weights_file(model, folder)
    if path is None:
        _download(model, folder)
    elif not path.is_file():
        raise DataError(f"there is no file of weights {path}")


def find_weights_file(model: Model, folder: Path) -> Path | None:
    """The file of weights that a recipe names, which may not exist; for "library" the one in `folder`, if any."""
    if model.weights != "library":
        path = Path(model.weights).expanduser()
        inside = folder / path
        return inside if inside.exists() and not path.exists() else path
    hub, name = require_hub(model)
    paths = (folder / file for file in hub.file_names(name, model.arguments))
    return next((path for path in paths if path.is_file()), None)


def is_weights_name(model: Model, file_name: str) -> bool:
    """Whether a file of that name holds weights of the net, by the name alone."""
    hub, name = require_hub(model)
    return file_name in hub.file_names(name, model.arguments)


def _download(model: Model, folder: Path) -> dict[str, Tensor]:
    hub, name = require_hub(model)
    url, file = hub.url(name), folder / hub.file_names(name, model.arguments)[0]
    try:
        if url:
            return hub.download(name, folder)
        reason = "are published for torch nowhere"
    except Exception as error:  # whatever the libraries' clients raise without a network
        reason = f"cannot be downloaded from {url} ({type(error).__name__})"
    raise AssayError(
        f"the weights of {model.name} {reason}. Put the file there as {file} ($ASSAY_WEIGHTS names another folder), or "
        "give it: model.weights=FILE"
    )
