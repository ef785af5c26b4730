"""Measures what the module costs a server, beside the same nginx without it."""
