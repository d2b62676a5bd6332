"""All named nets in one registry: a new file of nets is imported here."""

from assay.models import fast, reports  # noqa: F401  importing them fills the registry
from assay.models.named import NETS

__all__ = ["NETS"]
