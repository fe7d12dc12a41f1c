"""Throughline: the open service that connects learning to business results."""

__version__ = "0.1.0"
