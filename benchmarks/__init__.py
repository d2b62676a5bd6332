"""Benchmarks: assay and its peers on the same net, images and machine. How to run them and read them: README.md."""
