"""Fashion-MNIST: 28 x 28 gray images of clothes (Xiao, Rasul and Vollgraf 2017).

The MD5s are of the unpacked files: the official .gz files and Debian's differ only in their gzip headers.
"""

from assay.data.datasets.dataset import DownloadMirror, Edition, File, NamedDataset
from assay.data.datasets.idx import decode
from assay.data.datasets.registry import dataset

FASHION_MNIST = dataset(
    NamedDataset(
        name="fashion-mnist",
        class_names=(
            "t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
        ),
        shape=(1, 28, 28),
        counts={"train": 60_000, "test": 10_000},
        editions=(
            Edition(
                folders=("FashionMNIST/raw", "/usr/share/datasets/fashion-mnist"),
                files={
                    "train": (
                        File("train-images-idx3-ubyte", 47_040_016, "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
                        File("train-labels-idx1-ubyte", 60_008, "9018921c3c673c538a1fc5bad174d6f9"),
                    ),
                    "test": (
                        File("t10k-images-idx3-ubyte", 7_840_016, "8181f5470baa50b63fa0f6fddb340f0a"),
                        File("t10k-labels-idx1-ubyte", 10_008, "15d484375f8d13e6eb1aabb0c3f46965"),
                    ),
                },
                decode=decode,
            ),
        ),
        mirror=DownloadMirror("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
        debian="dataset-fashion-mnist",
    )
)  # fmt: skip
