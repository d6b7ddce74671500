"""The rules that chose quotes before units were chosen: the baseline of the quality benchmark."""
