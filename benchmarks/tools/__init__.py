"""One small script per tool, as its users would write it. Run: python -m benchmarks.tools.NAME --net NET."""
