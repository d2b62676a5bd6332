"""The FeatureLoader: batches of cached features, to train the part of a net that is not frozen."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property

from torch import Tensor, nn

from assay.core.progress import ProgressCallback
from assay.data.imageset import ImageSet
from assay.models.backbone import head_as_net
from assay.models.head import Head
from assay.training.feature_cache import FeatureCache, View
from assay.training.loader import Batches, Loader


class FeatureLoader(Loader):
    """Batches of cached features with their labels. Epochs take the views in turn."""

    feature_cache: FeatureCache

    def __init__(self, feature_cache: FeatureCache, images: ImageSet, views: Sequence[View | None] = (None,)) -> None:
        super().__init__(images, feature_cache.preprocess, feature_cache.runtime)
        self.feature_cache, self.views = feature_cache, views

    def compute(self, validation: ImageSet | None, progress: ProgressCallback) -> None:
        """Compute and store the missing features of training and validation images. progress: over all of them."""
        sets = [(self.images, view, False) for view in self.views]
        if validation:
            sets.append((validation, None, True))
        offset, total = 0, sum(len(images) for images, _, _ in sets)

        def progress_of_set(n: int, _: int) -> None:
            progress(offset + n, total)

        for images, view, exact in sets:
            self.feature_cache.features(images, view, exact=exact, progress=progress_of_set)
            offset += len(images)

    @cached_property
    def view_features(self) -> list[Tensor]:
        """The features (N, ...) of each view, computed on first access if they are not stored yet."""
        return [self.feature_cache.features(self.images, view) for view in self.views]

    def with_head(self, head: Head) -> "FeatureLoader":
        """The same features for another head."""
        loader, split_model = copy(self), replace(self.feature_cache.split_model, head=head_as_net(head))
        loader.feature_cache = replace(self.feature_cache, split_model=split_model)
        return loader

    def epoch_cost(self, epoch: int) -> float:
        """1: every epoch is the same amount of work."""
        return 1.0

    def iter_epoch(self, batches: Sequence[Tensor], epoch: int, seed: Callable[[int], int], start: int = 0) -> Batches:
        """Features and labels of each batch, from batch `start` on. Nothing is random here; `seed` is unused."""
        features = self.view_features[epoch % len(self.view_features)]
        for indices in batches[start:]:
            yield features.index_select(0, indices.cpu()).to(self.runtime.device), self.labels[indices]

    def trained_part(self, net: nn.Module) -> nn.Module:
        """The part of the net behind the features."""
        return self.feature_cache.split_model.head

    def logits(self, net: nn.Module, images: ImageSet, shard: Callable[[Tensor], Tensor]) -> Tensor:
        """Logits float32 (N, K) on the CPU, from float32 features."""
        features = shard(self.feature_cache.features(images, exact=True))
        return self.feature_cache.logits(features, self.runtime)
