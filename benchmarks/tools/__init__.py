"""One small script for each tool: the natural code of its users. Run: python -m benchmarks.tools.NAME --net NET."""
