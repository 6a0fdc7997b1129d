"""What GitHub says and is told: its API, its events, and the runner's own ways of being spoken to."""
