"""The identity of images: what tells whether two runs saw the same pictures, from what the runs stored."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageIdentity:
    """Hashes of the images that a run was trained on or scored on; each is empty where the run stored none.

    fingerprint: of pixels and labels, or for a folder of size, names and files; comparable between images of one shape
    (C, H, W). contents: of a folder's files alone, whatever their names and the size at which they were read.
    """

    fingerprint: str = ""
    shape: tuple[int, ...] = ()
    contents: str = ""

    def matches(self, other: "ImageIdentity") -> bool | None:
        """Whether the images are the same; None if that is not known, as for runs that stored no fingerprint."""
        if self.contents and other.contents:
            return self.contents == other.contents
        if self.fingerprint and other.fingerprint and self.shape == other.shape:
            return self.fingerprint == other.fingerprint
        return None


UNKNOWN_IMAGES = ImageIdentity()
