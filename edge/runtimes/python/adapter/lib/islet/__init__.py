"""The runtime's own Python: what stands between an app and the platform that serves it."""
