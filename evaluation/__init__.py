"""How good the answers are: a fixed set of questions through the real path, measured and judged."""
