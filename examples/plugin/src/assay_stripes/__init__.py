"""An example plug-in for assay. Importing it registers a net, a data set and a schedule."""

from assay_stripes import data, nets, schedules

__all__ = ["data", "nets", "schedules"]
