"""Soak test: a real server under mixed traffic at a low rate for hours, while its resources are sampled."""
