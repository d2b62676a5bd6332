"""MNIST: 28 x 28 gray digits (LeCun, Cortes and Burges 1998). MD5s of the unpacked official files."""

from assay.data.datasets.dataset import DownloadMirror, Edition, File, NamedDataset
from assay.data.datasets.idx import decode
from assay.data.datasets.registry import dataset

MNIST = dataset(
    NamedDataset(
        name="mnist",
        class_names=tuple("0123456789"),
        shape=(1, 28, 28),
        counts={"train": 60_000, "test": 10_000},
        editions=(
            Edition(
                folders=("MNIST/raw",),
                files={
                    "train": (
                        File("train-images-idx3-ubyte", 47_040_016, "6bbc9ace898e44ae57da46a324031adb"),
                        File("train-labels-idx1-ubyte", 60_008, "a25bea736e30d166cdddb491f175f624"),
                    ),
                    "test": (
                        File("t10k-images-idx3-ubyte", 7_840_016, "2646ac647ad5339dbf082846283269ea"),
                        File("t10k-labels-idx1-ubyte", 10_008, "27ae3e4e09519cfbb04c329615203637"),
                    ),
                },
                decode=decode,
            ),
        ),
        mirror=DownloadMirror("https://ossci-datasets.s3.amazonaws.com/mnist/"),  # torchvision's mirror
    )
)
