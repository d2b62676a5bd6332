"""The net `stripe-net`."""

from assay.models.zoo.registry import net


@net("stripe-net", shape=(1, 8, 8))
def stripe_net(classes: int, filters: int = 4) -> list[str]:
    """One convolution that finds stripes, averaged over the image."""
    return [f"conv {filters} 3x3", "relu", "globalavgpool", f"linear {classes}"]
