"""Interfaces for what people already have: monitoring. It talks to minisup through `control.client` alone."""
