"""All named nets in one registry: a new file of nets is imported here."""

from assay.models.zoo import airbench, papers  # noqa: F401  importing them fills the registry
from assay.models.zoo.registry import NETS

__all__ = ["NETS"]
