"""Real time without GraphQL execution: who is woken by what, filters, projections, and the hub between processes."""
