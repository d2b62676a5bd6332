"""Train your own nn.Module on Fashion-MNIST: `python examples/your_module.py`."""

from pathlib import Path

from torch import nn

from assay import Recipe, Run, train


def main(epochs: int = 1, runs: Path = Path("runs")) -> Run:
    """Train a small net that assay does not know, and return the finished run."""
    recipe = Recipe.build(
        {
            "name": "examples/your-module",
            "data": {"name": "fashion-mnist"},
            "preprocess": {"normalize": "train"},
            "model": "mlp",  # replaced by the module below
            "optimizer": {"name": "adamw", "lr": 0.002},
            "training": {"epochs": epochs, "batch_size": 256},
        }
    )
    module = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(16 * 6 * 6, 10))
    return train(recipe, model=module, runs=runs, mlflow=False)


if __name__ == "__main__":
    run = main()
    print(f"test accuracy {run.results['test']['accuracy']:.2%}, interval {run.results['test']['interval']}")
