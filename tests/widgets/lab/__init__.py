"""Widgets in a real JupyterLab, seen and clicked in a real Chromium."""
