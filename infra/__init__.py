"""AWS's side of the product as CDK: three environments, one file a stack. `make synth` makes and checks its templates.

It imports the product's own definitions (tables, schema, resolvers); nothing of the product imports it.
"""
