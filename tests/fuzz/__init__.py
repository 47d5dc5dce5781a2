"""Random operations over a whole schema, executed by plans and by graphql-core: the answers must be equal.

`python -m tests.fuzz COUNT [SEED]` runs many; tests/fuzz/test_plans.py runs some.
"""
