"""Whether images are the same, by what two runs stored of them."""

import pytest

from assay.evaluation.image_identity import UNKNOWN_IMAGES, ImageIdentity

GRAY, LARGE = (1, 8, 8), (1, 16, 16)


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        (ImageIdentity("a", GRAY), ImageIdentity("a", GRAY), True),
        (ImageIdentity("a", GRAY), ImageIdentity("b", GRAY), False),
        (ImageIdentity("a", GRAY), ImageIdentity("b", LARGE), None),
        (ImageIdentity("a", GRAY), UNKNOWN_IMAGES, None),
        (ImageIdentity("a", GRAY, "files"), ImageIdentity("b", LARGE, "files"), True),
        (ImageIdentity("a", GRAY, "files"), ImageIdentity("b", GRAY, "other files"), False),
        (ImageIdentity("a", GRAY, "files"), ImageIdentity("a", GRAY), True),
    ],
)
def test_images_are_the_same_or_different_or_nobody_knows(first, second, is_same):
    assert first.matches(second) is is_same
    assert second.matches(first) is is_same
