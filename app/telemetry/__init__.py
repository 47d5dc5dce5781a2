"""What the process tells of itself: metrics, with two outlets, and traces."""
