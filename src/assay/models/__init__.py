"""Nets: layer lines and their shape arithmetic, named nets, pretrained nets, freezing, and the layer table."""
