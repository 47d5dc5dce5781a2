"""AppSync's scalars, real: input is parsed and checked, output is checked, by AppSync's rules.

`install` puts them into a schema. `TABLE` is the same without GraphQL, for whoever has plain JSON.
"""

from app.scalars.schema_types import install
from app.scalars.table import TABLE, Scalar

__all__ = ["TABLE", "Scalar", "install"]
