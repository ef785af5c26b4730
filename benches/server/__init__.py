"""What the module costs a server, measured beside the same nginx without it."""
