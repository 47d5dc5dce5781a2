"""The two runtimes held against each other: the same operations through both, and the answers compared."""
