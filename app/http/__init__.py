"""HTTP: from the bytes of a socket to an operation for the executor, and its answer back.

`protocol` cuts off clients that break or drag out HTTP, `front` does what holds for every path, `endpoint`
speaks GraphQL as AppSync does, and the rest are the pages beside it.
"""
