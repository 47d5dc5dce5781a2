"""Real time for clients: subscriptions, who may have them, and the protocols in which they are delivered."""
